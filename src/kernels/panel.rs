//! Weights in the order in which kernels read them.

use super::isa::Isa;
use super::tile::Kernel;

/// Some output channels side by side, with zeros where there are less than the kernels' width.
#[derive(Clone)]
pub(super) struct Panel {
    /// Its first output channel.
    pub first: usize,
    /// Channels of a row.
    pub width: usize,
    /// One value a channel.
    pub bias: Vec<f32>,
    /// A row a product.
    pub weights: Vec<f32>,
    /// By number of pixels less one.
    pub kernels: Vec<Kernel>,
}

impl Panel {
    /// Panels for as many output channels as there is bias; `weight` gives the weight of a product for an output channel.
    pub fn all(
        bias: &[f32],
        products: usize,
        weight: impl Fn(usize, usize) -> f32,
        isa: Isa,
    ) -> Result<Vec<Self>, String> {
        let mut panels = Vec::new();
        let mut first = 0;
        while first < bias.len() {
            let width = isa.panel(bias.len() - first);
            let live = width.min(bias.len() - first);
            let mut panel = Self {
                first,
                width,
                bias: vec![0.0; width],
                weights: vec![0.0; products * width],
                kernels: Vec::new(),
            };
            panel.bias[..live].copy_from_slice(&bias[first..first + live]);
            for (product, row) in panel.weights.chunks_exact_mut(width).enumerate() {
                row[..live].iter_mut().enumerate().for_each(|(i, value)| *value = weight(product, first + i));
            }
            for pixels in 1..=isa.pixels(width) {
                let kernel = isa.kernel(width, pixels);
                panel.kernels.push(kernel.ok_or_else(|| format!("{isa:?} has no kernel for {width} by {pixels}"))?);
            }
            panels.push(panel);
            first += width;
        }
        Ok(panels)
    }
}
