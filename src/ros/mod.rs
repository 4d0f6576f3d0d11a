//! The node: what it is, apart from the library that carries its messages.

pub mod parameters;
