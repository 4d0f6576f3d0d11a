//! The compute that this process may use: CPU affinity and the cgroup's quota, as Linux tells them.
//!
//! Knows nothing of frames or budgets. The slowdown that other processes cause is not seen here but in the stage costs.

use std::path::{Path, PathBuf};

/// How much of the machine is ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compute {
    /// CPUs that the scheduler may run us on, at least 1.
    pub cpus: usize,
    /// The cgroup's limit in CPUs (0.5 is half of one); `None` where there is no limit.
    pub quota: Option<f64>,
}

/// What is kept free below a cgroup's quota: a process that uses all of it is stopped until the next period (100 ms by
/// default), which no deadline survives.
const BELOW_QUOTA: f64 = 0.9;

impl Compute {
    /// Reads affinity and quota of this process. What cannot be read does not limit.
    pub fn read() -> Self {
        Self { cpus: affinity(), quota: quota(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup")) }
    }

    /// The threads to use of the `wanted` ones: no more than CPUs, and no more than the quota can keep busy.
    pub fn threads(self, wanted: usize) -> usize {
        let by_quota = self.quota.map_or(wanted, |cpus| cpus.ceil() as usize);
        wanted.min(self.cpus).min(by_quota).max(1)
    }

    /// The share of the time that may be spent computing on `threads` threads when the user allows `wanted` (0 to 1).
    pub fn share(self, wanted: f64, threads: usize) -> f64 {
        let by_quota = self.quota.map_or(1.0, |cpus| BELOW_QUOTA * cpus / threads.max(1) as f64);
        // A quota of as many CPUs as threads never throttles them.
        match by_quota >= BELOW_QUOTA {
            true => wanted,
            false => wanted.min(by_quota),
        }
    }
}

fn affinity() -> usize {
    let everywhere = || std::thread::available_parallelism().map_or(1, |n| n.get());
    rustix::thread::sched_getaffinity(None).map_or_else(|_| everywhere(), |set| (set.count() as usize).max(1))
}

/// The tightest CPU quota on the way from our cgroup up to the root, in CPUs; version 2 first, then version 1.
fn quota(membership: &Path, root: &Path) -> Option<f64> {
    let membership = std::fs::read_to_string(membership).ok()?;
    let tightest = |folders: Vec<PathBuf>, read: fn(&Path) -> Option<f64>| {
        folders.iter().filter_map(|folder| read(folder)).min_by(f64::total_cmp)
    };
    membership
        .lines()
        .filter_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            match controllers {
                "" => tightest(up_from(root, path), quota_v2),
                names if names.split(',').any(|name| name == "cpu") => {
                    tightest(up_from(&root.join(names), path), quota_v1)
                        .or_else(|| tightest(up_from(&root.join("cpu"), path), quota_v1))
                }
                _ => None,
            }
        })
        .min_by(f64::total_cmp)
}

/// The folder of the cgroup `path` and all above it, down to `root` itself.
fn up_from(root: &Path, path: &str) -> Vec<PathBuf> {
    let inside = Path::new(path.trim_start_matches('/'));
    inside.ancestors().map(|part| root.join(part)).collect()
}

/// `cpu.max`: "quota period" in microseconds, or "max period".
fn quota_v2(folder: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(folder.join("cpu.max")).ok()?;
    let mut words = text.split_whitespace();
    ratio(words.next()?.parse().ok()?, words.next()?.parse().ok()?)
}

fn quota_v1(folder: &Path) -> Option<f64> {
    let number = |name| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<f64>().ok();
    ratio(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

fn ratio(quota: f64, period: f64) -> Option<f64> {
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("creates");
            fs::write(path, text).expect("writes");
        }
        root
    }

    fn quota_of(files: &[(&str, &str)]) -> Option<f64> {
        let root = tree(files);
        quota(&root.path().join("self"), root.path())
    }

    #[test]
    fn the_tightest_quota_above_us_counts() {
        let files = [("self", "0::/a/b\n"), ("a/cpu.max", "50000 100000\n"), ("a/b/cpu.max", "max 100000\n")];
        assert_eq!(quota_of(&files), Some(0.5));
    }

    #[test]
    fn version_1_is_read_too() {
        let files = [
            ("self", "4:memory:/x\n3:cpu,cpuacct:/x\n"),
            ("cpu,cpuacct/x/cpu.cfs_quota_us", "150000\n"),
            ("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota_of(&files), Some(1.5));
    }

    #[test]
    fn no_quota_and_nonsense_do_not_limit() {
        assert_eq!(quota_of(&[("self", "0::/\n"), ("cpu.max", "max 100000\n")]), None);
        assert_eq!(quota_of(&[("self", "garbage"), ("cpu.max", "1")]), None);
        assert_eq!(quota_of(&[("self", "0::/\n"), ("cpu.max", "-1 0\n")]), None);
        assert_eq!(quota_of(&[]), None);
    }

    #[test]
    fn threads_follow_affinity_and_quota() {
        let two = Compute { cpus: 2, quota: None };
        assert_eq!((two.threads(8), two.threads(1)), (2, 1));
        assert_eq!(Compute { cpus: 8, quota: Some(1.5) }.threads(8), 2);
        assert_eq!(Compute { cpus: 8, quota: Some(0.2) }.threads(8), 1);
    }

    #[test]
    fn a_quota_below_the_threads_limits_the_share() {
        let half = Compute { cpus: 4, quota: Some(0.5) };
        assert!((half.share(1.0, 1) - 0.45).abs() < 1e-9);
        assert_eq!(half.share(0.1, 1), 0.1);
        assert_eq!(Compute { cpus: 4, quota: Some(2.0) }.share(1.0, 2), 1.0);
    }

    #[test]
    fn this_machine_has_a_cpu() {
        assert!(Compute::read().cpus >= 1);
    }
}
