//! What is kept of a frame for the next one of its camera.

use std::any::Any;

/// The state that a frame ended with. What is in it, only the model knows that gave it.
pub struct State {
    content: Box<dyn Any + Send>,
    bytes: usize,
}

impl State {
    /// A state that holds `content`, which takes `bytes` bytes of memory.
    pub fn new(content: impl Any + Send, bytes: usize) -> Self {
        Self { content: Box::new(content), bytes }
    }

    /// Bytes of memory that are held for it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it was made of; `None` where that is of another type, so that the state is another model's.
    pub fn content<T: Any>(self) -> Option<T> {
        self.content.downcast::<T>().ok().map(|content| *content)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} bytes)", self.bytes)
    }
}
