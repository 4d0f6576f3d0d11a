use super::*;

const MS: Duration = Duration::from_millis(1);
const FIRST: Duration = Duration::from_millis(5);
const BUDGET: Duration = Duration::from_millis(33);

fn at(ms: u32) -> Instant {
    Instant::at(ms * MS)
}

/// 20 ms of every 100 may be planned with, on `threads`; periods begin at 5, 105, ...
fn account(threads: usize) -> Bandwidth {
    let time = (20 * MS).div_f64(1.0 - KEPT_FREE);
    Bandwidth::new((Quota { time, period: 100 * MS }, at(5)), threads, at(5), (Duration::ZERO, None))
}

/// The same after frames at these times, each of which worked 6 ms.
fn after(frames: &[u32]) -> Bandwidth {
    let mut account = account(1);
    for (worked, ms) in (0..).step_by(6).zip(frames) {
        account.arrived(0, at(*ms));
        account.frame_begins(at(*ms), worked * MS, None);
        account.frame_ends(at(ms + 6), (worked + 6) * MS, None);
    }
    account
}

fn near(left: Duration, ms: f64) {
    let left = left.as_secs_f64() * 1e3;
    assert!((left - ms).abs() < 0.01, "{left} ms instead of {ms}");
}

#[test]
fn a_single_frame_may_use_what_is_left() {
    near(account(1).left(FIRST, BUDGET), 20.0);
    near(account(2).left(FIRST, BUDGET), 10.0);
    near(after(&[15]).left(FIRST, BUDGET), 14.0);
}

#[test]
fn frames_that_are_still_to_come_in_the_period_have_their_part() {
    // Others are due at 75 and 105, and that one is of the next period.
    near(after(&[15, 45]).left(FIRST, BUDGET), 8.0 / 2.0);
}

#[test]
fn what_cannot_be_used_up_any_more_comes_on_top_of_a_part_of_the_next_period() {
    let mut account = after(&[35, 65]);
    account.arrived(0, at(97));
    account.frame_begins(at(97), 12 * MS, None);
    // Frames are 30 or 32 ms apart: three come in the period that begins at 105.
    near(account.left(FIRST, BUDGET), 8.0 + 20.0 / 4.0);
}

#[test]
fn what_threads_beside_a_frame_usually_work_is_left_to_them() {
    let mut account = account(1);
    for frame in 0..100 {
        account.frame_begins(at(5 + 100 * frame), frame * 7 * MS, None);
        account.frame_ends(at(11 + 100 * frame), (frame * 7 + 4) * MS, None);
    }
    near(account.left(FIRST, BUDGET), 20.0 - 4.0 - 3.0);
}

#[test]
fn a_thread_that_works_all_the_time_leaves_a_slow_camera_its_quota() {
    let mut account = account(1);
    for frame in 0..100 {
        // A frame of 4 ms every 2 s, and 20 ms beside it, which is 1 % of a CPU.
        account.frame_begins(at(5 + 2000 * frame), frame * 24 * MS, None);
        account.frame_ends(at(11 + 2000 * frame), (frame * 24 + 4) * MS, None);
    }
    assert!(account.left(FIRST, BUDGET) >= 13 * MS, "{:?}", account.left(FIRST, BUDGET));
}

#[test]
fn work_across_the_beginning_of_a_period_is_of_both() {
    let mut account = account(1);
    account.frame_begins(at(100), Duration::ZERO, None);
    account.frame_ends(at(120), 20 * MS, None);
    near(account.left(FIRST, BUDGET), 20.0 - 15.0);
}

#[test]
fn a_frame_waits_until_what_is_left_lasts_for_the_rest_of_the_period() {
    let account = after(&[15, 45]);
    assert_eq!(account.ready_at(at(60), 7 * MS, None), at(60));
    assert_eq!(account.ready_at(at(60), 9 * MS, None), at(97));
    assert_eq!(account.ready_at(at(98), 9 * MS, None), at(98));
    assert_eq!(account.ready_at(at(106), 9 * MS, None), at(106));
}

#[test]
fn what_never_fits_into_a_quota_gets_what_there_is() {
    assert_eq!(account(1).ready_at(at(10), 500 * MS, None), at(10));
    assert_eq!(after(&[15, 45]).ready_at(at(60), 500 * MS, None), at(97));
}

#[test]
fn a_quota_that_nobody_can_use_up_limits_nothing() {
    let mut account =
        Bandwidth::new((Quota { time: 9000 * MS, period: 100 * MS }, at(5)), 1, at(5), (Duration::ZERO, None));
    for ms in [10, 20, 190] {
        account.arrived(0, at(ms));
    }
    account.frame_begins(at(191), Duration::ZERO, None);
    assert!(account.left(FIRST, BUDGET) > 100 * MS);
    assert_eq!(account.ready_at(at(192), 33 * MS, None), at(192));
}

#[test]
fn frames_of_every_camera_are_to_come() {
    let mut account = account(1);
    for (camera, ms) in [(0, 7), (1, 8), (0, 37), (1, 38), (2, 39)] {
        account.arrived(camera, at(ms));
    }
    account.frame_begins(at(40), Duration::ZERO, None);
    // Of the first two at 67, 68, 97 and 98; of the third one nobody knows.
    near(account.left(FIRST, BUDGET), 20.0 / 5.0);
}

/// What has been used of a quota, 100 ms after it was when all this began.
fn used(ms: u32, stops: u64) -> Option<Used> {
    Some(Used { time: (100 + ms) * MS, stops })
}

/// 50 ms of every 100 may be planned with, on one thread; others work on `cpus`, and frames of 10 ms that came 40 ms apart did until 805.
fn beside(cpus: f64) -> Bandwidth {
    let time = (50 * MS).div_f64(1.0 - KEPT_FREE);
    let quota = Quota { time, period: 100 * MS };
    let mut account = Bandwidth::new((quota, at(5)), 1, at(5), (Duration::ZERO, used(0, 0)));
    for frame in 0..20 {
        let (now, process) = (5 + 40 * frame, 10 * frame);
        let used = |now: u32, process: u32| used(process + (cpus * f64::from(now - 5)) as u32, 0);
        account.arrived(0, at(now));
        account.frame_begins(at(now), process * MS, used(now, process));
        account.frame_ends(at(now + 10), (process + 10) * MS, used(now + 10, process + 10));
    }
    account.beside = 0.0;
    account.seen_others = cpus;
    account
}

#[test]
fn what_others_work_is_learned_from_what_all_have_used() {
    let time = (50 * MS).div_f64(1.0 - KEPT_FREE);
    let mut account = Bandwidth::new((Quota { time, period: 100 * MS }, at(5)), 1, at(5), (Duration::ZERO, used(0, 0)));
    for frame in 1..100 {
        account.frame_begins(at(5 + 40 * frame), 10 * frame * MS, used(10 * frame + 8 * frame, 0));
    }
    assert!((account.others() - 0.2).abs() < 0.01, "{}", account.others());
    // Stopped for half of the time, they show half of what they would work, and that changes nothing.
    account.frame_begins(at(4005), 1000 * MS, used(1800 - 4, 1));
    assert!((account.others() - 0.2).abs() < 0.01, "{}", account.others());
}

/// What a frame may use beside others on so many CPUs that begins with the period, at 805; two more come in it, at 845 and 885.
fn left_beside(cpus: f64) -> Duration {
    let mut account = beside(cpus);
    account.arrived(0, at(805));
    account.frame_begins(at(805), 200 * MS, used(200 + (cpus * 800.0) as u32, 0));
    account.left(FIRST, BUDGET)
}

#[test]
fn a_frame_has_its_part_of_what_others_leave_until_the_last_one_came() {
    // Until 885 others work 20 ms.
    near(left_beside(0.25), (50.0 - 20.0) / (3.0 + 0.25));
}

#[test]
fn where_others_leave_nothing_frames_that_can_wait_for_the_next_period_have_no_part() {
    // That at 885 has until 918, and there are 13 ms from 905 on; so it is one more, at 845, until when others work 24 ms.
    near(left_beside(0.6), (50.0 - 24.0) / (2.0 + 0.6));
}

#[test]
fn a_frame_that_will_be_there_though_it_is_stopped_begins_at_once_where_others_leave_nothing() {
    let mut account = beside(0.6);
    account.frame_begins(at(805), 200 * MS, used(200 + 480, 0));
    account.frame_begins(at(890), 200 * MS, used(200 + 525, 0));
    // 5 ms are left, which last for 3; with two more from 905 on the first exit is there.
    assert_eq!(account.ready_at(at(890), FIRST, Some(at(907))), at(890));
    assert_eq!(account.ready_at(at(890), FIRST, Some(at(906))), at(905));
    assert_eq!(account.ready_at(at(890), FIRST, None), at(905));
}

#[test]
fn a_quota_for_all_threads_limits_only_where_others_work() {
    let whole = |others| {
        let quota = Quota { time: 150 * MS, period: 100 * MS };
        let mut account = Bandwidth::new((quota, at(5)), 1, at(5), (Duration::ZERO, used(0, 0)));
        account.seen_others = others;
        account.left(FIRST, BUDGET)
    };
    assert_eq!(whole(0.5), Duration::MAX);
    assert!(whole(0.6) < Duration::MAX);
}
