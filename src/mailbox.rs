//! One slot a camera: the newest frame wins, and the camera that has waited longest for its deadline is served first.
//!
//! Knows nothing of what a frame is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Instant;

/// A frame with the camera it came from and its times on the steady clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived<T> {
    /// Index of the camera.
    pub camera: usize,
    /// When it arrived.
    pub arrival: Instant,
    /// When its mask has to be out.
    pub deadline: Instant,
    /// The frame.
    pub content: T,
}

/// A camera's next frame is looked out for this part of a gap before it is due.
const EARLIER: u32 = 8;

/// A frame that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Whose turn it is: the least is served first.
    pub turn: (Instant, u64),
    /// Index of the camera.
    pub camera: usize,
    /// When its mask has to be out.
    pub deadline: Instant,
    /// When the camera's next frame may come, which would replace it: as long after this one as this one after the last, or a little earlier, since
    /// no camera is exact. `None` of a first frame.
    pub next: Option<Instant>,
}

/// The mailboxes of all cameras, filled by one thread and emptied by another.
#[derive(Debug)]
pub struct Mailboxes<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    slots: Vec<Slot<T>>,
    /// How often an empty slot was filled.
    filled: u64,
    closed: bool,
}

#[derive(Debug)]
struct Slot<T> {
    frame: Option<Arrived<T>>,
    /// The camera with the least is served first: the deadline of its first frame since it was served last, and where those are alike, whose slot was
    /// filled first. A frame that replaces another takes over its place, so that a fast camera with a long budget is not passed over for ever.
    turn: (Instant, u64),
    /// When the newest frame arrived, and how long after the one before.
    arrived: Option<Instant>,
    gap: Option<Duration>,
}

impl<T> Mailboxes<T> {
    /// Empty mailboxes for cameras `0..cameras`.
    pub fn new(cameras: usize) -> Self {
        let slots = (0..cameras)
            .map(|_| Slot { frame: None, turn: (Instant::default(), 0), arrived: None, gap: None })
            .collect();
        Self { state: Mutex::new(State { slots, filled: 0, closed: false }), changed: Condvar::new() }
    }

    /// Puts a frame into its camera's slot and returns the one it replaces. A frame of a camera that does not exist, and any frame after
    /// [`close`](Self::close), comes back.
    pub fn put(&self, frame: Arrived<T>) -> Option<Arrived<T>> {
        let mut state = self.lock();
        let State { slots, filled, closed } = &mut *state;
        let Some(slot) = slots.get_mut(frame.camera).filter(|_| !*closed) else {
            return Some(frame);
        };
        if slot.frame.is_none() {
            *filled += 1;
            slot.turn = (frame.deadline, *filled);
        }
        slot.gap = slot.arrived.map(|last| frame.arrival.since(last)).filter(|gap| !gap.is_zero());
        slot.arrived = Some(frame.arrival);
        let replaced = slot.frame.replace(frame);
        self.changed.notify_one();
        replaced
    }

    /// Waits until there is a frame, and gives camera and deadline of the one that is due first; `None` once the mailboxes are closed and empty.
    pub fn wait(&self) -> Option<(usize, Instant)> {
        self.filled()?.first()?.frame.as_ref().map(|frame| (frame.camera, frame.deadline))
    }

    /// How many cameras there are.
    pub fn cameras(&self) -> usize {
        self.lock().slots.len()
    }

    /// Each frame that waits, but for those of the camera `but`, in place of what `list` holds, in the order in which they are served.
    pub fn waiting(&self, but: usize, list: &mut Vec<Waits>) {
        let waits = |slot: &Slot<T>| {
            let Arrived { camera, arrival, deadline, .. } = *slot.frame.as_ref()?;
            let next = slot.gap.map(|gap| arrival + gap - gap / EARLIER);
            (camera != but).then_some(Waits { turn: slot.turn, camera, deadline, next })
        };
        list.clear();
        list.extend(self.lock().slots.iter().filter_map(waits));
        list.sort_unstable_by_key(|waits| waits.turn);
    }

    /// Waits for a frame and takes the one that is due first; `None` once the mailboxes are closed and empty.
    pub fn take(&self) -> Option<Arrived<T>> {
        self.filled()?.first()?.frame.take()
    }

    /// Waits until there is a frame; `None` once the mailboxes are closed and empty.
    fn filled(&self) -> Option<MutexGuard<'_, State<T>>> {
        let mut state = self.lock();
        while state.first().is_none() {
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state)
    }

    /// Empties the slots and returns what was in them.
    pub fn clear(&self) -> Vec<Arrived<T>> {
        self.lock().slots.iter_mut().filter_map(|slot| slot.frame.take()).collect()
    }

    /// Lets [`take`](Self::take) end once it has emptied the slots.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A slot is replaced whole: what a panicking thread left behind is still valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn first(&mut self) -> Option<&mut Slot<T>> {
        self.slots.iter_mut().filter(|slot| slot.frame.is_some()).min_by_key(|slot| slot.turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(camera: usize, deadline_ms: u64, content: &'static str) -> Arrived<&'static str> {
        let deadline = Instant::at(Duration::from_millis(deadline_ms));
        Arrived { camera, arrival: Instant::default(), deadline, content }
    }

    fn contents(boxes: &Mailboxes<&'static str>) -> Vec<&'static str> {
        boxes.close();
        std::iter::from_fn(|| boxes.take()).map(|frame| frame.content).collect()
    }

    #[test]
    fn the_newest_frame_wins_and_the_replaced_one_comes_back() {
        let boxes = Mailboxes::new(1);
        assert_eq!(boxes.put(frame(0, 1, "old")), None);
        assert_eq!(boxes.put(frame(0, 2, "new")).map(|f| f.content), Some("old"));
        assert_eq!(contents(&boxes), ["new"]);
    }

    #[test]
    fn the_nearest_deadline_is_served_first() {
        let boxes = Mailboxes::new(3);
        boxes.put(frame(0, 30, "c"));
        boxes.put(frame(1, 10, "a"));
        boxes.put(frame(2, 20, "b"));
        assert_eq!(contents(&boxes), ["a", "b", "c"]);
    }

    #[test]
    fn the_deadline_of_the_frame_that_is_due_first_is_known_before_it_is_taken() {
        let boxes = Mailboxes::new(2);
        boxes.put(frame(0, 30, "b"));
        boxes.put(frame(1, 10, "a"));
        assert_eq!(boxes.wait(), Some((1, Instant::at(Duration::from_millis(10)))));
        assert_eq!(contents(&boxes), ["a", "b"]);
        assert_eq!(boxes.wait(), None);
    }

    #[test]
    fn a_camera_with_a_long_budget_is_not_passed_over_for_ever() {
        let boxes = Mailboxes::new(2);
        boxes.put(frame(0, 100, "patient 0"));
        let mut served = Vec::new();
        for n in 1..30 {
            boxes.put(frame(0, 100 + n, "patient"));
            boxes.put(frame(1, 5 * n, "hasty"));
            served.push(boxes.take().expect("two wait").content);
        }
        assert!(served.contains(&"patient"), "{served:?}");
    }

    #[test]
    fn cameras_that_are_due_at_the_same_instant_take_turns() {
        let boxes = Mailboxes::new(3);
        (0..3).for_each(|camera| assert!(boxes.put(frame(camera, 0, "first")).is_none()));
        let mut served = [0; 3];
        for _ in 0..30 {
            let camera = boxes.take().expect("three wait").camera;
            served[camera] += 1;
            boxes.put(frame(camera, 0, "next"));
        }
        assert_eq!(served, [10; 3]);
    }

    #[test]
    fn what_waits_is_known_but_for_one_camera_and_when_it_would_be_replaced() {
        let at = |ms| Instant::at(Duration::from_millis(ms));
        let boxes = Mailboxes::new(3);
        boxes.put(frame(0, 30, "a"));
        for arrival in [0, 40] {
            boxes.put(Arrived { arrival: at(arrival), ..frame(2, 90, "b") });
        }
        let mut list = Vec::new();
        boxes.waiting(0, &mut list);
        assert_eq!(list, [Waits { turn: (at(90), 2), camera: 2, deadline: at(90), next: Some(at(75)) }]);
        boxes.waiting(1, &mut list);
        assert_eq!(
            list.iter().map(|waits| (waits.camera, waits.next)).collect::<Vec<_>>(),
            [(0, None), (2, Some(at(75)))]
        );
    }

    #[test]
    fn a_closed_mailbox_gives_back_what_comes_and_empties_what_is_there() {
        let boxes = Mailboxes::new(1);
        boxes.put(frame(0, 1, "last"));
        boxes.close();
        assert!(boxes.put(frame(0, 2, "late")).is_some());
        assert_eq!(boxes.take().map(|f| f.content), Some("last"));
        assert_eq!(boxes.take(), None);
    }

    #[test]
    fn a_cleared_mailbox_gives_up_what_waited() {
        let boxes = Mailboxes::new(2);
        boxes.put(frame(0, 1, "a"));
        boxes.put(frame(1, 2, "b"));
        assert_eq!(boxes.clear().len(), 2);
        assert_eq!(contents(&boxes), Vec::<&str>::new());
    }

    #[test]
    fn a_frame_of_no_camera_comes_back() {
        assert!(Mailboxes::new(1).put(frame(7, 1, "stray")).is_some());
    }

    #[test]
    fn taking_waits_for_another_thread() {
        let boxes = Mailboxes::new(1);
        let taken = std::thread::scope(|scope| {
            let taker = scope.spawn(|| boxes.take());
            boxes.put(frame(0, 1, "first"));
            taker.join().expect("no panic")
        });
        assert_eq!(taken.map(|f| f.content), Some("first"));
    }
}
