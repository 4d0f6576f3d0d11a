//! What is charged to the share of compute: the time that the network's threads have worked, not the time that passed while others ran.

use std::time::Duration;

/// Meters the compute of frames on some threads: the one that runs frames while it does, those that help it all the time.
pub struct Meter {
    threads: u32,
    /// What those that help had worked at the last charge.
    helped: Duration,
}

impl Meter {
    /// A meter for a network on `threads` threads, of which those that help have worked for `helped` until now.
    pub fn new(threads: usize, helped: Duration) -> Self {
        Self { threads: u32::try_from(threads.max(1)).unwrap_or(u32::MAX), helped }
    }

    /// The network's threads.
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// Charges nothing of what the threads that help worked until now, `helped`.
    pub fn restart(&mut self, helped: Duration) {
        self.helped = helped;
    }

    /// What is to be charged at the end of a frame, for which its thread `worked`: time of all threads together, as a part of their number.
    pub fn charge(&mut self, worked: Duration, helped: Duration) -> Duration {
        (worked + helped.saturating_sub(std::mem::replace(&mut self.helped, helped))) / self.threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn threads_that_help_are_charged_for_what_they_worked_since_the_last_charge() {
        let mut meter = Meter::new(2, 100 * MS);
        assert_eq!([meter.charge(6 * MS, 104 * MS), meter.charge(6 * MS, 104 * MS)], [5 * MS, 3 * MS]);
    }

    #[test]
    fn what_was_worked_before_a_restart_is_not_charged() {
        let mut meter = Meter::new(1, 100 * MS);
        meter.restart(900 * MS);
        assert_eq!(meter.charge(6 * MS, 901 * MS), 7 * MS);
    }
}
