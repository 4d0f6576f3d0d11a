//! What the system is asked for on behalf of the threads that compute: CPUs, nice, real-time priority, locked memory.
//!
//! All of it is off unless a parameter asks for it. What the system refuses is told with what is missing, and everything goes on
//! without it. Threads inherit it from the thread that starts them. Knows nothing of what the threads compute.

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getpid, getpriority_process, getrlimit, setpriority_process};
use rustix::thread::{CapabilitySet, CpuSet, capabilities, sched_getaffinity, sched_setaffinity};
use thread_priority::{
    Error as PriorityError, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy_param,
};

use crate::params::Parameters;

/// The wishes of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// CPUs to run on; empty for all that are ours.
    pub cpus: Vec<usize>,
    /// Added to the nice value of the process, -20 to 19.
    pub nice: i32,
    /// Priority among the threads of SCHED_FIFO, 1 to 99; 0 for none.
    pub fifo_priority: u8,
    /// Whether the memory of the process is to stay where it is.
    pub lock_memory: bool,
}

/// Something that the system refused; everything goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{parameter}`: {wanted} was refused: {reason}")]
pub struct Refusal {
    /// The parameter that asked for it.
    pub parameter: &'static str,
    /// What was asked for.
    pub wanted: String,
    /// What is missing.
    pub reason: String,
}

/// None of the CPUs that were asked for is ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `cpu_affinity`: expected CPUs among {ours}, got {}", numbers(.asked))]
pub struct NoCpu {
    /// As they were asked for.
    pub asked: Vec<usize>,
    /// The CPUs that the process may use, such as `0-3`.
    pub ours: String,
}

/// How a thread is scheduled, as the system says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// CPUs, such as `0-3`.
    pub cpus: String,
    /// Its nice value.
    pub nice: i32,
    /// Its priority among real-time threads; 0 for a thread that is none.
    pub fifo_priority: i32,
}

impl Scheduling {
    /// What the parameters ask for.
    pub fn of(parameters: &Parameters) -> Self {
        let cpus = parameters.integers("cpu_affinity");
        Self {
            cpus: cpus.into_iter().filter_map(|cpu| usize::try_from(cpu).ok()).collect(),
            nice: i32::try_from(parameters.integer("nice")).unwrap_or(0),
            fifo_priority: u8::try_from(parameters.integer("fifo_priority")).unwrap_or(0),
            lock_memory: parameters.flag("lock_memory"),
        }
    }

    /// Asks for all of it for the calling thread and those that it starts from now on; locked memory is the whole process's. Gives what was refused.
    ///
    /// # Errors
    /// None of the CPUs is ours; nothing has changed then.
    pub fn apply(&self) -> Result<Vec<Refusal>, NoCpu> {
        let mut refused = self.place()?;
        refused.extend(self.renice().err());
        refused.extend(self.make_fifo().err());
        refused.extend(self.lock().err());
        Ok(refused)
    }

    fn place(&self) -> Result<Vec<Refusal>, NoCpu> {
        if self.cpus.is_empty() {
            return Ok(Vec::new());
        }
        let refusal = |wanted: &[usize], reason: String| Refusal {
            parameter: "cpu_affinity",
            wanted: format!("CPU {}", numbers(wanted)),
            reason,
        };
        let ours = match sched_getaffinity(Some(getpid())) {
            Ok(ours) => cpus_of(&ours),
            Err(error) => return Ok(vec![refusal(&self.cpus, error.to_string())]),
        };
        let (have, lack): (Vec<usize>, Vec<usize>) = self.cpus.iter().partition(|cpu| ours.contains(cpu));
        if have.is_empty() {
            return Err(NoCpu { asked: self.cpus.clone(), ours: ranges(&ours) });
        }
        let mut set = CpuSet::new();
        have.iter().for_each(|&cpu| set.set(cpu));
        let mut refused = Vec::new();
        if let Err(error) = sched_setaffinity(None, &set) {
            refused.push(refusal(&have, error.to_string()));
        }
        if !lack.is_empty() {
            refused.push(refusal(&lack, format!("the CPUs that are ours are {}", ranges(&ours))));
        }
        Ok(refused)
    }

    fn renice(&self) -> Result<(), Refusal> {
        if self.nice == 0 {
            return Ok(());
        }
        // The main thread's is the value that the process was started with: it is never changed here.
        let started_with = getpriority_process(Some(getpid())).unwrap_or(0);
        let nice = (started_with + self.nice).clamp(-20, 19);
        setpriority_process(None, nice).map_err(|error| Refusal {
            parameter: "nice",
            wanted: format!("a nice value of {nice}"),
            reason: match error {
                Errno::ACCESS | Errno::PERM => {
                    let least = 20 - i64::try_from(limit(Resource::Nice)).unwrap_or(40).min(40);
                    format!(
                        "it takes CAP_SYS_NICE, or a limit `nice` (RLIMIT_NICE) of {nice} or lower; here {} is the lowest",
                        least.min(i64::from(started_with))
                    )
                }
                error => error.to_string(),
            },
        })
    }

    fn make_fifo(&self) -> Result<(), Refusal> {
        let priority = self.fifo_priority;
        if priority == 0 {
            return Ok(());
        }
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let set = ThreadPriority::try_from(priority).map_err(str::to_owned).and_then(|value| {
            set_thread_priority_and_policy(thread_native_id(), value, policy).map_err(no_fifo(priority))
        });
        set.map_err(|reason| Refusal {
            parameter: "fifo_priority",
            wanted: format!("SCHED_FIFO with priority {priority}"),
            reason,
        })
    }

    fn lock(&self) -> Result<(), Refusal> {
        if !self.lock_memory {
            return Ok(());
        }
        let refusal = |reason| Refusal { parameter: "lock_memory", wanted: "locked memory".to_owned(), reason };
        let limit = limit(Resource::Memlock);
        // Below a limit the lock would hold now, and the first allocation beyond it would fail and end the process.
        if limit != u64::MAX && !may(CapabilitySet::IPC_LOCK) {
            return Err(refusal(format!(
                "it takes CAP_IPC_LOCK, or no limit `memlock` (RLIMIT_MEMLOCK); here it is {} KiB",
                limit / 1024
            )));
        }
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|error| refusal(error.to_string()))
    }
}

impl Placement {
    /// That of the calling thread.
    pub fn of_this_thread() -> Self {
        let cpus = sched_getaffinity(None).map_or_else(|_| "unknown".to_owned(), |set| ranges(&cpus_of(&set)));
        let policy = thread_schedule_policy_param(thread_native_id());
        let fifo_priority = policy.map_or(0, |(_, params)| params.sched_priority);
        Self { cpus, nice: getpriority_process(None).unwrap_or(0), fifo_priority }
    }
}

/// In words, why there is no SCHED_FIFO of this priority.
fn no_fifo(priority: u8) -> impl Fn(PriorityError) -> String {
    move |error| match error {
        PriorityError::OS(code) if Errno::from_raw_os_error(code) == Errno::PERM && may(CapabilitySet::SYS_NICE) => {
            "CAP_SYS_NICE is there, so the cgroup gives no real-time time (cpu.rt_runtime_us)".to_owned()
        }
        PriorityError::OS(code) if Errno::from_raw_os_error(code) == Errno::PERM => format!(
            "it takes CAP_SYS_NICE, or a limit `rtprio` (RLIMIT_RTPRIO) of at least {priority}; here it is {}",
            limit(Resource::Rtprio)
        ),
        PriorityError::OS(code) => Errno::from_raw_os_error(code).to_string(),
        error => error.to_string(),
    }
}

/// The limit in force; `u64::MAX` for none.
fn limit(resource: Resource) -> u64 {
    getrlimit(resource).current.unwrap_or(u64::MAX)
}

fn may(capability: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(capability))
}

fn cpus_of(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

fn numbers(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// Sorted numbers as the kernel writes lists of CPUs: `0-3,6`.
fn ranges(cpus: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &cpu in cpus {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let part = |&(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Value;

    /// On a thread of its own, so that no other test runs under it.
    fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
    }

    #[test]
    fn nothing_is_asked_for_unless_a_parameter_does() {
        let wishes = Scheduling::of(&Parameters::default());
        assert_eq!(wishes, Scheduling::default());
        on_a_thread(|| {
            let before = Placement::of_this_thread();
            assert_eq!(wishes.apply(), Ok(Vec::new()));
            assert_eq!(Placement::of_this_thread(), before);
        });
    }

    #[test]
    fn parameters_ask_for_cpus_nice_priority_and_memory() {
        let mut parameters = Parameters::default();
        parameters.set("cpu_affinity", Value::Integers(vec![2, 3])).expect("fits");
        parameters.set("nice", Value::Integer(-5)).expect("fits");
        parameters.set("fifo_priority", Value::Integer(40)).expect("fits");
        parameters.set("lock_memory", Value::Bool(true)).expect("fits");
        let wishes = Scheduling { cpus: vec![2, 3], nice: -5, fifo_priority: 40, lock_memory: true };
        assert_eq!(Scheduling::of(&parameters), wishes);
    }

    #[test]
    fn a_thread_and_those_it_starts_stay_on_the_cpus_that_were_asked_for() {
        let ours = cpus_of(&sched_getaffinity(None).expect("known"));
        let last = *ours.last().expect("one");
        let wishes = Scheduling { cpus: vec![last, 1023], ..Scheduling::default() };
        let (refused, child) = on_a_thread(|| {
            let refused = wishes.apply().expect("one of them is ours");
            (refused, on_a_thread(Placement::of_this_thread))
        });
        assert_eq!(child.cpus, last.to_string());
        assert_eq!(refused.len(), 1, "the other one is not silently left out");
        assert!(refused[0].to_string().contains("CPU 1023"), "{}", refused[0]);
        assert_eq!(cpus_of(&sched_getaffinity(None).expect("known")), ours, "other threads are left alone");
    }

    #[test]
    fn cpus_of_which_none_is_ours_are_an_error_that_names_ours() {
        let wishes = Scheduling { cpus: vec![1022, 1023], nice: 3, ..Scheduling::default() };
        let (error, after) = on_a_thread(|| (wishes.apply().expect_err("none"), Placement::of_this_thread()));
        let ours = ranges(&cpus_of(&sched_getaffinity(None).expect("known")));
        assert_eq!(error.to_string(), format!("parameter `cpu_affinity`: expected CPUs among {ours}, got 1022, 1023"));
        assert_eq!(after, on_a_thread(Placement::of_this_thread), "nothing has changed");
    }

    #[test]
    fn a_thread_can_always_be_made_nicer_and_others_stay_as_they_are() {
        let before = Placement::of_this_thread().nice;
        let wishes = Scheduling { nice: 3, ..Scheduling::default() };
        let (refused, after) = on_a_thread(|| (wishes.apply(), Placement::of_this_thread().nice));
        assert_eq!((refused, after), (Ok(Vec::new()), (before + 3).min(19)));
        assert_eq!(Placement::of_this_thread().nice, before);
    }

    #[test]
    fn what_needs_a_privilege_is_granted_or_refused_with_what_is_missing() {
        let wishes = Scheduling { nice: -1, fifo_priority: 1, ..Scheduling::default() };
        let (refused, placement) =
            on_a_thread(|| (wishes.apply().expect("no CPUs asked"), Placement::of_this_thread()));
        let was_refused = |parameter| refused.iter().find(|refusal| refusal.parameter == parameter);
        match was_refused("fifo_priority") {
            None => assert_eq!(placement.fifo_priority, 1),
            Some(refusal) => {
                assert!(refusal.reason.contains("rtprio") || refusal.reason.contains("cgroup"), "{refusal}")
            }
        }
        match was_refused("nice") {
            None => assert!(placement.nice < Placement::of_this_thread().nice.max(-19)),
            Some(refusal) => assert!(refusal.reason.contains("CAP_SYS_NICE"), "{refusal}"),
        }
    }

    #[test]
    fn lists_of_cpus_are_written_as_the_kernel_writes_them() {
        assert_eq!(ranges(&[0, 1, 2, 3, 6, 8, 9]), "0-3,6,8-9");
        assert_eq!(ranges(&[5]), "5");
    }
}
