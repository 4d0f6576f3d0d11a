//! The loop that takes the newest frames of all cameras through the pipeline, nearest deadline first, live and in replay alike.
//!
//! Keeps the share of compute and the cgroup's quota: it rests before a frame, never in one. Knows nothing of where frames come from or what becomes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::mailbox::{Arrived, Mailboxes};
use crate::pipeline::Pipeline;
use crate::report::DropCause;

/// The longest nap, so that the end or a change of settings is not slept through.
const NAP: Duration = Duration::from_millis(50);

/// What a frame meets beside the pipeline.
pub trait Ends<T> {
    /// Called before each frame and each nap: the place to change the pipeline's settings.
    fn settle(&mut self, pipeline: &mut Pipeline);

    /// Takes a frame that had to wait until it was too late.
    fn dropped(&mut self, frame: Arrived<T>, cause: DropCause);

    /// Runs a frame.
    fn run(&mut self, pipeline: &mut Pipeline, frame: Arrived<T>);
}

/// Serves the mailboxes until they are closed and empty. A frame that runs leaves time to those of other cameras that wait.
pub fn serve<T: Send + 'static>(
    pipeline: &mut Pipeline,
    boxes: &Arc<Mailboxes<T>>,
    (clock, stop): (&dyn Clock, &AtomicBool),
    ends: &mut impl Ends<T>,
) {
    let waiting = Arc::clone(boxes);
    pipeline.leave_time_to(boxes.cameras(), Box::new(move |but, list| waiting.waiting(but, list)));
    loop {
        // What others leave of a quota is known once there is a frame, not before.
        let Some(next) = boxes.wait() else { return };
        let rested = rest(pipeline, (clock, stop), Some(next), &mut |pipeline| ends.settle(pipeline));
        let Some(frame) = boxes.take() else { return };
        ends.settle(pipeline);
        pipeline.arrived(frame.camera, frame.arrival);
        match drop_cause(pipeline, &frame, (rested, clock.now())) {
            Some(cause) => ends.dropped(frame, cause),
            None => ends.run(pipeline, frame),
        }
    }
}

/// Why a frame is not worth a late mask: it waited for compute, or it waited for others and would make one late that need not be. A frame that is
/// late all by itself is run.
fn drop_cause<T>(
    pipeline: &mut Pipeline,
    frame: &Arrived<T>,
    (rested, now): (Option<Instant>, Instant),
) -> Option<DropCause> {
    let Arrived { camera, arrival, deadline, .. } = *frame;
    if rested.is_some_and(|until| until > arrival) && pipeline.too_late((camera, deadline), now) {
        return Some(DropCause::ShareSpent);
    }
    pipeline.gives_way((camera, arrival, deadline), now).then_some(DropCause::OthersWait)
}

/// Waits until the share of compute and the quota allow another frame, or until `stop` is set; gives the end of the wait if there was one. `next` has
/// camera and deadline of the frame that waits, if one does.
pub fn rest(
    pipeline: &mut Pipeline,
    (clock, stop): (&dyn Clock, &AtomicBool),
    next: Option<(usize, Instant)>,
    settle: &mut dyn FnMut(&mut Pipeline),
) -> Option<Instant> {
    let mut rested = None;
    loop {
        settle(pipeline);
        let now = clock.now();
        let ready = pipeline.ready_at(now, next);
        if ready <= now || stop.load(Ordering::Relaxed) {
            return rested;
        }
        clock.sleep_until(ready.min(now + NAP));
        rested = Some(clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anytime::ScriptedModel;
    use crate::clock::ScriptedClock;
    use crate::frame::Size;
    use crate::message::{self, Image};
    use crate::params::{Parameters, Value};
    use crate::pipeline::{ImageKind, Settings};
    use crate::tensor::InputSpec;

    const MS: Duration = Duration::from_millis(1);

    /// Runs frames of one pixel, and notes which of them ran and which were too late.
    struct Notes {
        ran: Vec<usize>,
        late: Vec<usize>,
    }

    impl Ends<usize> for Notes {
        fn settle(&mut self, _: &mut Pipeline) {}

        fn dropped(&mut self, frame: Arrived<usize>, cause: DropCause) {
            assert_eq!(cause, DropCause::ShareSpent);
            self.late.push(frame.content);
        }

        fn run(&mut self, pipeline: &mut Pipeline, frame: Arrived<usize>) {
            let image = Image { height: 1, width: 1, encoding: "mono8".into(), step: 1, ..Image::default() };
            let bytes = message::to_vec(&Image { data: vec![9].into(), ..image }).unwrap();
            let times = (frame.arrival, frame.deadline);
            pipeline.run(0, ImageKind::Raw, &bytes, times, &mut |_| ()).unwrap();
            self.ran.push(frame.content);
        }
    }

    /// A pipeline whose stages take 5 ms each, 15 to the first exit, and whose frames may use `share` of the time.
    fn pipeline(clock: &ScriptedClock, share: f64) -> Pipeline {
        let model = ScriptedModel::new(clock.clone(), 2, 1, |_| 5 * MS);
        let mut parameters = Parameters::default();
        parameters.set("compute_share", Value::Double(share)).unwrap();
        let settings = Settings::of(&parameters, 20 * MS);
        let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
        Pipeline::new(Box::new(model), spec, Arc::new(clock.clone()), settings, (1, None)).unwrap()
    }

    /// Serves three cameras whose frames came at once; gives which ran, and which were too late.
    fn served(share: f64, budget: Duration, stop: bool) -> (Vec<usize>, Vec<usize>) {
        let clock = ScriptedClock::new();
        let mut pipeline = pipeline(&clock, share);
        let boxes = Arc::new(Mailboxes::new(3));
        let arrival = clock.now();
        for camera in 0..3 {
            boxes.put(Arrived { camera, arrival, deadline: arrival + budget, content: camera });
        }
        boxes.close();
        let mut notes = Notes { ran: Vec::new(), late: Vec::new() };
        serve(&mut pipeline, &boxes, (&clock, &AtomicBool::new(stop)), &mut notes);
        (notes.ran, notes.late)
    }

    #[test]
    fn with_a_whole_share_every_frame_runs_late_or_not() {
        assert_eq!(served(1.0, 20 * MS, false), (vec![0, 1, 2], vec![]));
    }

    #[test]
    fn a_frame_that_waited_for_the_share_until_it_was_too_late_is_not_run() {
        // One budget of compute may be saved up: enough to start two of them.
        assert_eq!(served(0.1, 20 * MS, false), (vec![0, 1], vec![2]));
    }

    #[test]
    fn a_frame_that_waited_for_the_share_and_still_has_time_is_run() {
        assert_eq!(served(0.1, 2000 * MS, false), (vec![0, 1, 2], vec![]));
    }

    #[test]
    fn nothing_rests_once_it_is_to_stop() {
        assert_eq!(served(0.1, 20 * MS, true), (vec![0, 1, 2], vec![]));
    }
}
