//! What a graph takes, gives and costs.

use serde::Serialize;

/// An input or output of a graph: f32 of a static shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Its name in the graph.
    pub name: String,
    /// Its sides, outermost first.
    pub shape: Vec<usize>,
}

/// What one graph costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphInfo {
    /// The name of its file, without folder and ending.
    pub name: String,
    /// Multiply-accumulates of one run's convolutions and matrix products; element-wise work is not counted.
    pub macs: u64,
    /// Those of them that multiply bf16.
    pub bf16_macs: u64,
    /// Those of them that multiply bytes.
    pub int8_macs: u64,
    /// Number of f32 weights in the file. Weights that several files repeat are counted in each.
    pub parameters: u64,
    /// Number of nodes of the optimised graph: places at which it can be abandoned.
    pub nodes: usize,
    /// What it takes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives.
    pub outputs: Vec<TensorInfo>,
}
