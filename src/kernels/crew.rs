//! Threads that help with one piece of work at a time.
//!
//! A helper looks out for work for a moment after its last piece, some tens of microseconds, so that pieces that follow each other
//! closely are met at once; then it sleeps. Work never waits for a helper that has not come: the caller takes the jobs itself,
//! and only waits for helpers that have one in hand.
//!
//! Every thread begins with its own stretch of the jobs, the same in every piece, and takes of the others' when that is done: where jobs of the
//! same number touch the same part of an image, each thread finds in its own cache what it wrote in the piece before.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::loops::{Loops, widest};
use crate::clock::worked_by_thread;

/// Turns of looking out for work before a helper sleeps.
const LOOKS: usize = 2_000;
/// Turns of waiting for helpers before the caller lets others have its processor.
const PATIENCE: usize = 2_000;

/// Jobs that are shared at once.
const AT_ONCE: usize = 32;

/// The gate's lowest bits count the helpers inside; above them a bit says whether it is open, and above that every piece has its number.
const OPEN: u64 = 1 << 16;
const INSIDE: u64 = OPEN - 1;
const NUMBER: u64 = OPEN << 1;

/// The caller's thread and its helpers.
pub struct Crew {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// One piece at a time, where several callers share the crew.
    busy: Mutex<()>,
}

struct Shared {
    gate: AtomicU64,
    /// The piece of work; written while the gate is closed and nobody inside, read by those inside.
    piece: PieceCell,
    /// The next job of each thread's stretch; past its end where all are taken.
    next: Box<[Next]>,
    failed: AtomicBool,
    over: AtomicBool,
    sleepers: AtomicUsize,
    asleep: Mutex<()>,
    wake: Condvar,
    /// CPU time of the helpers, in nanoseconds, as far as they have told.
    worked: AtomicU64,
}

/// What there is to do: `work` for each of `0..jobs`.
#[derive(Clone, Copy)]
struct Piece {
    work: *const (dyn Fn(usize) + Sync),
    jobs: usize,
}

/// A cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Next(AtomicUsize);

struct PieceCell(std::cell::UnsafeCell<Piece>);

// SAFETY: the gate keeps writing and reading apart: `Crew::run` writes only while the gate is closed with nobody inside, helpers read
// only inside. What `work` points at is `Sync`.
unsafe impl Sync for PieceCell {}
// SAFETY: as above; the cell is only sent when the crew is made.
unsafe impl Send for PieceCell {}

impl Crew {
    /// A crew of `threads`: the caller's own and one less to help. A job must not hand jobs to its own crew: it would wait for itself.
    ///
    /// # Errors
    /// More threads than the gate can count, or than the system gives.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        if threads as u64 > INSIDE {
            let reason = format!("{threads} threads, at most {INSIDE} can work together");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, reason));
        }
        let mut crew = Self { shared: Shared::new(threads.max(1)), helpers: Vec::new(), busy: Mutex::new(()) };
        for number in 1..threads {
            let shared = Arc::clone(&crew.shared);
            let builder = std::thread::Builder::new().name(format!("itnet-model-{number}"));
            crew.helpers.push(builder.spawn(move || shared.help(number))?);
        }
        Ok(crew)
    }

    /// How many threads work together.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// The CPU time that the helpers have used, looking out for work included. Each tells its own after every piece.
    pub fn helped(&self) -> Duration {
        Duration::from_nanos(self.shared.worked.load(Ordering::Relaxed))
    }

    /// Into how many parts to cut what has `most` of them at most: one for one thread, else `each` a thread, so that one that was held up leaves
    /// some to the others.
    pub fn parts(&self, each: usize, most: usize) -> usize {
        if self.threads() == 1 { most.min(1) } else { most.min(each * self.threads()).min(AT_ONCE) }
    }

    /// Does all jobs, each on one of the threads and on the widest vectors. Takes no memory from the allocator.
    pub fn share<J: Loops<Output = ()> + Send>(&self, jobs: impl IntoIterator<Item = J>) {
        let mut jobs = jobs.into_iter().fuse();
        loop {
            let mut some: [Option<J>; AT_ONCE] = std::array::from_fn(|_| jobs.next());
            let count = some.iter().flatten().count();
            self.each(&mut some[..count], |job| {
                if let Some(job) = job.take() {
                    widest(job);
                }
            });
            if count < AT_ONCE {
                break;
            }
        }
    }

    /// Does `work` with each of the parts, as [`run`](Self::run) does with numbers.
    pub(super) fn each<T: Send>(&self, parts: &mut [T], work: impl Fn(&mut T) + Sync) {
        /// Where the parts begin.
        struct Parts<T>(*mut T);
        // SAFETY: every part is taken by one job alone, which may be on another thread, as parts are `Send`.
        unsafe impl<T: Send> Sync for Parts<T> {}
        impl<T> Parts<T> {
            fn at(&self, part: usize) -> *mut T {
                self.0.wrapping_add(part)
            }
        }
        let (count, parts) = (parts.len(), Parts(parts.as_mut_ptr()));
        // SAFETY: `run` gives each number below `count` once, and is over before the parts' borrow is.
        self.run(count, &|part| work(unsafe { &mut *parts.at(part) }));
    }

    /// Does `work` for each of `0..jobs`, in any order and on any of the threads; returns when all of it is done.
    ///
    /// A panic of a job is raised again here when the others have ended.
    pub fn run(&self, jobs: usize, work: &(dyn Fn(usize) + Sync)) {
        if self.helpers.is_empty() || jobs < 2 {
            (0..jobs).for_each(work);
            return;
        }
        let _one_at_a_time = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: only the lifetime is changed. Nobody uses the reference after the gate is closed and empty again, which is waited for
        // below, while `work` is still borrowed.
        let work: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
        // SAFETY: the gate is closed with nobody inside, as every call leaves it, and `busy` keeps other callers out.
        unsafe { *shared.piece.0.get() = Piece { work, jobs } };
        for (thread, next) in shared.next.iter().enumerate() {
            next.0.store(shared.stretch(thread, jobs).start, Ordering::Relaxed);
        }
        shared.gate.fetch_add(NUMBER | OPEN, Ordering::SeqCst);
        if shared.sleepers.load(Ordering::SeqCst) > 0 {
            drop(shared.asleep.lock().unwrap_or_else(PoisonError::into_inner));
            shared.wake.notify_all();
        }
        let mine = catch_unwind(AssertUnwindSafe(|| shared.work(0, Piece { work, jobs })));
        shared.next.iter().for_each(|next| next.0.store(jobs, Ordering::Relaxed));
        shared.gate.fetch_and(!OPEN, Ordering::SeqCst);
        let mut turns = 0;
        while shared.gate.load(Ordering::Acquire) & INSIDE != 0 {
            turns += 1;
            if turns < PATIENCE { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        let failed = shared.failed.swap(false, Ordering::Relaxed);
        match mine {
            Err(panic) => resume_unwind(panic),
            Ok(()) if failed => panic!("a helping thread panicked"),
            Ok(()) => {}
        }
    }
}

/// The caller's thread without any to help.
impl Default for Crew {
    fn default() -> Self {
        Self { shared: Shared::new(1), helpers: Vec::new(), busy: Mutex::new(()) }
    }
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a crew of {}", self.threads())
    }
}

impl Shared {
    fn new(threads: usize) -> Arc<Self> {
        let nothing: &'static (dyn Fn(usize) + Sync) = &|_| {};
        Arc::new(Self {
            gate: AtomicU64::new(0),
            piece: PieceCell(std::cell::UnsafeCell::new(Piece { work: nothing, jobs: 0 })),
            next: (0..threads).map(|_| Next::default()).collect(),
            failed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            asleep: Mutex::new(()),
            wake: Condvar::new(),
            worked: AtomicU64::new(0),
        })
    }

    /// The jobs that a thread begins with.
    fn stretch(&self, thread: usize, jobs: usize) -> Range<usize> {
        let threads = self.next.len();
        thread * jobs / threads..(thread + 1) * jobs / threads
    }

    /// Does the jobs of `thread`'s stretch, then what is left of the others'.
    fn work(&self, thread: usize, piece: Piece) {
        let threads = self.next.len();
        for owner in (thread..threads).chain(0..thread) {
            let end = self.stretch(owner, piece.jobs).end;
            loop {
                let job = self.next[owner].0.fetch_add(1, Ordering::Relaxed);
                if job >= end {
                    break;
                }
                // SAFETY: `Crew::run` keeps the work alive until everybody is out.
                unsafe { (*piece.work)(job) };
            }
        }
    }

    fn help(&self, thread: usize) {
        let (mut seen, mut told) = (0, Duration::ZERO);
        while let Some(number) = self.look_out(seen) {
            seen = number;
            if !self.enter(number) {
                continue;
            }
            // SAFETY: inside, the piece is not written.
            let piece = unsafe { *self.piece.0.get() };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work(thread, piece))) {
                // Dropping it might panic, and nobody would leave the gate then.
                std::mem::forget(panic);
                self.failed.store(true, Ordering::Relaxed);
            }
            self.gate.fetch_sub(1, Ordering::Release);
            let worked = worked_by_thread();
            let nanos = worked.saturating_sub(std::mem::replace(&mut told, worked)).as_nanos() as u64;
            self.worked.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Waits for a piece other than `seen`, and gives its number; none where the crew is dismissed.
    fn look_out(&self, seen: u64) -> Option<u64> {
        let fresh = || {
            let number = self.gate.load(Ordering::SeqCst) / NUMBER;
            (number != seen || self.over.load(Ordering::SeqCst)).then_some(number)
        };
        for _ in 0..LOOKS {
            if let Some(number) = fresh() {
                return (!self.over.load(Ordering::SeqCst)).then_some(number);
            }
            std::hint::spin_loop();
        }
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        let number = loop {
            if let Some(number) = fresh() {
                break number;
            }
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        (!self.over.load(Ordering::SeqCst)).then_some(number)
    }

    /// Goes in, unless the piece of that number is over.
    fn enter(&self, number: u64) -> bool {
        let mut gate = self.gate.load(Ordering::Relaxed);
        while gate & OPEN != 0 && gate / NUMBER == number {
            match self.gate.compare_exchange_weak(gate, gate + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => gate = now,
            }
        }
        false
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        drop(self.shared.asleep.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.wake.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper catches the panics of its jobs; there is nothing left to tell.
            let _ = helper.join();
        }
    }
}
