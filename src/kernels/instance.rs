//! Chooses one of a kernel's instances.

/// The instance of `$kernel`, which names `$P`, for a number of pixels out of those listed.
macro_rules! instance {
    ($pixels:expr, $P:ident of $($p:literal)*, $kernel:expr) => {
        match $pixels {
            $($p => {
                const $P: usize = $p;
                Some($kernel as Kernel)
            })*
            _ => None,
        }
    };
}

pub(super) use instance;
