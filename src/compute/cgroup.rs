//! The limit of CPU time that holds for a cgroup, in both versions of the file system.

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Quota, Used};

/// A quota and where it is kept.
#[derive(Debug)]
pub struct Limit {
    pub quota: Quota,
    folder: PathBuf,
    /// Where version 1 tells the time used: the same folder, unless the controllers `cpu` and `cpuacct` are mounted apart.
    account: PathBuf,
}

impl Limit {
    /// The tighter one first.
    fn by_quota(&self, other: &Self) -> Ordering {
        self.quota.cpus().total_cmp(&other.quota.cpus())
    }

    /// How many periods began in which something ran; `None` where nobody counts them.
    pub fn periods(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(self.folder.join("cpu.stat")).ok()?;
        number_of(&stat, "nr_periods ")
    }

    /// What tells how much of it is used; `None` where nobody counts that.
    pub fn account(&self) -> Option<Account> {
        let open = |folder: &Path, name| File::open(folder.join(name)).ok();
        let account = Account { stat: open(&self.folder, "cpu.stat")?, usage: open(&self.account, "cpuacct.usage") };
        account.read().is_some().then_some(account)
    }
}

/// The files that tell what all processes of a cgroup use, those of cgroups in it included.
#[derive(Debug)]
pub struct Account {
    stat: File,
    /// In version 1, where there is a controller `cpuacct` for the same cgroup.
    usage: Option<File>,
}

/// More than such a file has.
const ROOM: usize = 2048;

impl Account {
    /// Reads them. Takes no memory from the allocator.
    pub fn read(&self) -> Option<Used> {
        let mut room = [0; ROOM];
        let stat = text(&self.stat, &mut room)?;
        let stops = number_of(stat, "nr_throttled ")?;
        let micros = || number_of(stat, "usage_usec ").map(Duration::from_micros);
        let time = match &self.usage {
            None => micros()?,
            Some(file) => Duration::from_nanos(text(file, &mut [0; ROOM])?.trim().parse().ok()?),
        };
        Some(Used { time, stops })
    }
}

/// A file from its beginning on, as far as there is room.
fn text<'a>(file: &File, room: &'a mut [u8]) -> Option<&'a str> {
    let length = file.read_at(room, 0).ok()?;
    std::str::from_utf8(room.get(..length)?).ok()
}

/// The number in the line that begins with `name`.
fn number_of(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The tightest quota on the way from the cgroup that `membership` names up to the `root`; version 2 first, then version 1.
pub fn tightest(membership: &Path, root: &Path) -> Option<Limit> {
    let membership = std::fs::read_to_string(membership).ok()?;
    let hierarchies: Vec<(&str, &str)> =
        membership.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).collect();
    hierarchies
        .iter()
        .filter_map(|&(controllers, path)| match controllers {
            "" => tightest_from(path, root, root, version_2),
            names if has(names, "cpu") => {
                let same_cgroup = |(others, at): &&(&str, &str)| has(others, "cpuacct") && *at == path;
                let account = hierarchies.iter().find(same_cgroup).map_or(names, |(others, _)| others);
                let tightest_in = |mounted| tightest_from(path, &root.join(mounted), &root.join(account), version_1);
                tightest_in(names).or_else(|| tightest_in("cpu"))
            }
            _ => None,
        })
        .min_by(Limit::by_quota)
}

/// Whether the controller `name` is one of those `names`, as `/proc/self/cgroup` lists them.
fn has(names: &str, name: &str) -> bool {
    names.split(',').any(|one| one == name)
}

/// The tightest quota of the cgroup `path` and all above it, down to `root` itself, whose use is told at the same place below `accounts`.
fn tightest_from(path: &str, root: &Path, accounts: &Path, read: fn(&Path) -> Option<Quota>) -> Option<Limit> {
    let inside = Path::new(path.trim_start_matches('/')).ancestors();
    let limit = |part| {
        let folder = root.join(part);
        Some(Limit { quota: read(&folder)?, folder, account: accounts.join(part) })
    };
    inside.filter_map(limit).min_by(Limit::by_quota)
}

/// `cpu.max`: "quota period" in microseconds, or "max period".
fn version_2(folder: &Path) -> Option<Quota> {
    let text = std::fs::read_to_string(folder.join("cpu.max")).ok()?;
    let mut words = text.split_whitespace();
    quota(words.next()?.parse().ok()?, words.next()?.parse().ok()?)
}

fn version_1(folder: &Path) -> Option<Quota> {
    let number = |name| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok();
    quota(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

/// Of microseconds; -1 is no quota.
fn quota(time: i64, period: i64) -> Option<Quota> {
    let micros = |n: i64| u64::try_from(n).ok().filter(|n| *n > 0).map(Duration::from_micros);
    Some(Quota { time: micros(time)?, period: micros(period)? })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("creates");
            fs::write(path, text).expect("writes");
        }
        root
    }

    fn limit_of(files: &[(&str, &str)]) -> Option<(f64, Option<u64>)> {
        let root = folder_with(files);
        let limit = tightest(&root.path().join("self"), root.path())?;
        Some((limit.quota.cpus(), limit.periods()))
    }

    #[test]
    fn the_tightest_quota_above_us_counts() {
        let files = [("self", "0::/a/b\n"), ("a/cpu.max", "50000 100000\n"), ("a/b/cpu.max", "max 100000\n")];
        assert_eq!(limit_of(&files), Some((0.5, None)));
    }

    #[test]
    fn periods_are_those_of_the_cgroup_whose_quota_counts() {
        let stat = |n| format!("usage_usec 3\nnr_periods {n}\nnr_throttled 1\n");
        let (outer, inner) = (stat(17), stat(4));
        let quotas = [("self", "0::/a/b\n"), ("a/cpu.max", "50000 100000\n"), ("a/b/cpu.max", "60000 100000\n")];
        let stats = [("a/cpu.stat", outer.as_str()), ("a/b/cpu.stat", inner.as_str())];
        assert_eq!(limit_of(&[&quotas[..], &stats[..]].concat()), Some((0.5, Some(17))));
    }

    /// What is told to be used below a folder with those files, in milliseconds, and the stops.
    fn used_of(files: &[(&str, &str)]) -> Option<(u128, u64)> {
        let root = folder_with(files);
        let quota = Quota { time: Duration::from_millis(50), period: Duration::from_millis(100) };
        let account = Limit { quota, folder: root.path().into(), account: root.path().into() }.account()?;
        account.read().map(|used| (used.time.as_millis(), used.stops))
    }

    #[test]
    fn what_is_used_is_told_by_either_version() {
        let stat = "usage_usec 7000\nuser_usec 1\nnr_periods 3\nnr_throttled 2\nthrottled_usec 5\n";
        assert_eq!(used_of(&[("cpu.stat", stat)]), Some((7, 2)));
        let stat = "nr_periods 3\nnr_throttled 2\nthrottled_time 5\n";
        assert_eq!(used_of(&[("cpu.stat", stat), ("cpuacct.usage", "9000000\n")]), Some((9, 2)));
    }

    #[test]
    fn what_nobody_counts_is_not_told() {
        let stat = "nr_periods 3\nnr_throttled 2\nthrottled_time 5\n";
        for files in [&[("cpu.stat", stat)][..], &[("cpu.stat", "usage_usec x\nnr_throttled 0\n")], &[]] {
            assert_eq!(used_of(files), None);
        }
        assert_eq!(used_of(&[("cpu.stat", stat), ("cpuacct.usage", "many\n")]), None);
    }

    #[test]
    fn version_1_is_read_too() {
        let files = [
            ("self", "4:memory:/x\n3:cpu,cpuacct:/x\n"),
            ("cpu,cpuacct/x/cpu.cfs_quota_us", "150000\n"),
            ("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"),
            ("cpu,cpuacct/x/cpu.stat", "nr_periods 9\nnr_throttled 0\nthrottled_time 0\n"),
        ];
        assert_eq!(limit_of(&files), Some((1.5, Some(9))));
    }

    /// What is told to be used of a quota in version 1, of which `accounts` tells the time.
    fn used_apart(membership: &str, accounts: &str) -> Option<Used> {
        let stat = "nr_periods 9\nnr_throttled 4\nthrottled_time 0\n";
        let files = [
            ("self", membership),
            ("cpu/x/cpu.cfs_quota_us", "50000\n"),
            ("cpu/x/cpu.cfs_period_us", "100000\n"),
            ("cpu/x/cpu.stat", stat),
            (accounts, "9000000\n"),
        ];
        let root = folder_with(&files);
        tightest(&root.path().join("self"), root.path())?.account()?.read()
    }

    #[test]
    fn controllers_that_are_mounted_apart_tell_of_the_same_cgroup_only() {
        let used = Some(Used { time: Duration::from_millis(9), stops: 4 });
        assert_eq!(used_apart("2:cpuacct:/x/y\n1:cpu:/x/y\n", "cpuacct/x/cpuacct.usage"), used);
        assert_eq!(used_apart("2:cpuacct:/z/y\n1:cpu:/x/y\n", "cpuacct/x/cpuacct.usage"), None);
        assert_eq!(used_apart("1:cpu:/x/y\n", "cpuacct/x/cpuacct.usage"), None);
        assert_eq!(used_apart("2:cpuacct:/x/y\n1:cpu:/x/y\n", "cpuacct/x/y/cpuacct.usage"), None);
    }

    #[test]
    fn no_quota_and_nonsense_do_not_limit() {
        for cpu_max in ["max 100000\n", "1", "-1 0\n", "0 100000\n", "100000 0\n"] {
            assert_eq!(limit_of(&[("self", "0::/\n"), ("cpu.max", cpu_max)]), None, "{cpu_max}");
        }
        assert_eq!(limit_of(&[("self", "garbage"), ("cpu.max", "1")]), None);
        assert_eq!(limit_of(&[]), None);
    }
}
