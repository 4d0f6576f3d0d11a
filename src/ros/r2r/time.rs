//! ROS time through r2r.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::edge::RosTime;
use crate::frame::Stamp;

/// The clock of an r2r node: the machine's time, or `/clock`.
pub struct R2rTime(Mutex<Arc<Mutex<r2r::Clock>>>);

impl R2rTime {
    pub fn new(clock: Arc<Mutex<r2r::Clock>>) -> Self {
        Self(Mutex::new(clock))
    }
}

impl RosTime for R2rTime {
    fn now(&self) -> Stamp {
        let clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.lock().unwrap_or_else(PoisonError::into_inner).get_now().unwrap_or_default();
        Stamp { sec: i32::try_from(now.as_secs()).unwrap_or(i32::MAX), nanosec: now.subsec_nanos() }
    }
}

/// Follows `/clock`, or no longer.
#[cfg(not(feature = "ros-doc"))]
pub fn follow_clock(node: &mut r2r::Node, on: bool) -> Result<(), r2r::Error> {
    let source = node.get_time_source();
    if on {
        return source.enable_sim_time(node);
    }
    source.disable_sim_time();
    Ok(())
}

/// r2r without ROS has no time source to compile against.
#[cfg(feature = "ros-doc")]
pub fn follow_clock(_node: &mut r2r::Node, _on: bool) -> Result<(), r2r::Error> {
    Ok(())
}
