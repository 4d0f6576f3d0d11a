//! Code that is not ours and may panic on input: what it panics with becomes an error.
//!
//! Knows nothing of what runs.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes its message.
///
/// The process's panic hook does not hear of it: what is an error is reported as one, and not twice. What `work` was changing must not be used
/// after an error.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    hear_the_others();
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("without a word").to_owned()
    })
}

/// Puts a hook before the process's that leaves out panics which are caught here.
fn hear_the_others() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                hook(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_leaves_nothing_behind() {
        assert_eq!(caught(|| 3), Ok(3));
        assert_eq!(caught(|| -> u8 { panic!("number {}", 4) }), Err("number 4".to_owned()));
        assert_eq!(caught(|| -> u8 { panic!("words") }), Err("words".to_owned()));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(5) }), Err("without a word".to_owned()));
        assert_eq!(caught(|| caught(|| -> u8 { panic!("inner") }).is_err() && CATCHING.get()), Ok(true));
        assert!(!CATCHING.get());
    }
}
