//! What the program says, through ROS logging: the console, the log file and /rosout, with ROS's own levels and format.
//!
//! rcl filters by `--log-level`; everything of ours down to debug is handed to it.

use std::fmt::Write;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Sends events of this crate to the logger of this name.
pub fn install(logger: &str) {
    let layer = RosLog { logger: logger.to_owned() };
    // Set once at start.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

struct RosLog {
    logger: String,
}

impl<S: Subscriber> Layer<S> for RosLog {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with("itnet") || *metadata.level() > Level::DEBUG {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        let Text(mut text) = text;
        // r2r makes a C string of it, and panics on an interior NUL.
        text.retain(|c| c != '\0');
        let severity = match *metadata.level() {
            Level::ERROR => r2r::LogSeverity::Error,
            Level::WARN => r2r::LogSeverity::Warn,
            Level::INFO => r2r::LogSeverity::Info,
            _ => r2r::LogSeverity::Debug,
        };
        r2r::log(&text, &self.logger, metadata.file().unwrap_or(""), metadata.line().unwrap_or(0), severity);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
