//! The anytime run: iterations under a deadline.
//!
//! Who decides what: [`Task::next`] decides, from stage costs and the time; [`run`] obeys, and teaches the costs what the stages took;
//! the caller says what is allowed and takes the exits. After `Ok` there is always a finished exit: the first one runs whatever the
//! time. A spent budget and a stale frame are values of the [`Outcome`], not errors.
//!
//! Knows stages, costs and instants; knows nothing of pixels, messages or what is published where.

mod bandwidth;
mod cadence;
mod costs;
mod odds;
mod outcome;
mod planner;
mod price;
mod run;
mod scripted;
mod share;
mod stage;
mod stalls;
mod ticks;
mod window;

pub use bandwidth::Bandwidth;
pub use costs::{Course, StageCosts};
pub use outcome::{Outcome, StopCause};
pub use planner::{AskLimits, Exits, Iterations, Limits, Next, Position, Task, alone, without_dips};
pub use price::Price;
pub use run::{Verdict, measure, nodes, run};
pub use scripted::ScriptedModel;
pub use share::Allowance;
pub use stage::Stage;
pub use stalls::Stalls;
