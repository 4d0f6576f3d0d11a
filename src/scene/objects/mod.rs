//! The things that stand and move in the street. Each file builds one kind from triangles and paints it.

pub mod building;
pub mod car;
pub mod coachwork;
pub mod cyclist;
pub mod facade;
pub mod fence;
pub mod hedge;
pub mod person;
pub mod pole;
pub mod shell;
pub mod sign;
pub mod silhouette;
pub mod tree;
pub mod wheel;
