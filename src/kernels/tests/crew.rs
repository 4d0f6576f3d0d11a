//! Threads that share jobs.

use super::*;

#[test]
fn a_crew_does_every_job_once_and_passes_on_a_panic() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for threads in [1, 2, 5] {
        let crew = Crew::new(threads).unwrap();
        assert_eq!(crew.threads(), threads);
        for jobs in [0, 1, 2, 100] {
            for _ in 0..50 {
                let done: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
                crew.run(jobs, &|job| {
                    done[job].fetch_add(1, Ordering::Relaxed);
                });
                assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
        let fails = std::panic::AssertUnwindSafe(|| crew.run(20, &|job| assert!(job != 13, "job thirteen")));
        assert!(std::panic::catch_unwind(fails).is_err());
        crew.run(4, &|_| {});
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_panic_whose_payload_panics_too_ends_the_work_all_the_same() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let crew = Crew::new(2).unwrap();
    let (caller, helped) = (std::thread::current().id(), AtomicBool::new(false));
    let fails = std::panic::AssertUnwindSafe(|| {
        crew.run(2, &|_| {
            if std::thread::current().id() != caller {
                helped.store(true, Ordering::SeqCst);
                std::panic::panic_any(Bomb);
            }
            while !helped.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        });
    });
    assert!(std::panic::catch_unwind(fails).is_err());
    crew.run(4, &|_| {});
}

#[test]
fn the_end_of_an_iterator_is_the_end_of_the_jobs() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Job<'a>(&'a AtomicUsize);
    impl Loops for Job<'_> {
        type Output = ();
        fn run(self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (done, mut turn) = (AtomicUsize::new(0), 0);
    let jobs = std::iter::from_fn(|| {
        turn += 1;
        (turn % 2 == 1).then_some(Job(&done))
    });
    Crew::new(1).unwrap().share(jobs);
    assert_eq!(done.into_inner(), 1);
}

#[test]
fn more_threads_than_can_be_counted_are_refused() {
    let error = Crew::new(1 << 16).expect_err("refused");
    assert!(error.to_string().contains("65536 threads"), "{error}");
}

#[test]
fn several_callers_can_share_a_crew() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let crew = Crew::new(3).unwrap();
    let done = AtomicUsize::new(0);
    let work = |_| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| crew.run(10, &work)));
        }
    });
    assert_eq!(done.into_inner(), 4000);
}

#[test]
fn every_part_of_a_slice_is_changed_once() {
    for threads in [1, 3] {
        let crew = Crew::new(threads).unwrap();
        for count in [0, 1, 7, 1000] {
            let mut parts: Vec<usize> = (0..count).collect();
            crew.each(&mut parts, |part| *part += 1);
            assert!(parts.into_iter().eq(1..=count));
        }
    }
}
