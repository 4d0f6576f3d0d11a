//! Which arguments of a command line are for ROS.
//!
//! `--ros-args` opens a part that is for ROS alone; `--` or the end of the line closes it, and another part may follow.

/// Opens the part for ROS.
const OPEN: &str = "--ros-args";
/// Closes it.
const CLOSE: &str = "--";
/// Those that another argument follows.
const TAKE_ONE: [&str; 10] = [
    "-r",
    "--remap",
    "-p",
    "--param",
    "--params-file",
    "-e",
    "--enclave",
    "--log-level",
    "--log-config-file",
    "--log-file-name",
];
/// What can be enabled and disabled.
const LOGS: [&str; 3] = ["stdout-logs", "rosout-logs", "external-lib-logs"];

/// The arguments outside of every `--ros-args ... [--]`: what is left for a program's own options.
pub fn without_ros_args(args: &[String]) -> Vec<String> {
    split(args).0
}

/// The arguments inside of every `--ros-args ... [--]`, without these two.
pub fn ros_args(args: &[String]) -> Vec<String> {
    split(args).1
}

/// The arguments for ROS as flags, each with the argument that follows it where it takes one; that may be missing at the end.
pub fn ros_flags(args: &[String]) -> Vec<(String, Option<String>)> {
    let mut args = ros_args(args).into_iter();
    let mut flags = Vec::new();
    while let Some(flag) = args.next() {
        let value = if TAKE_ONE.contains(&flag.as_str()) { args.next() } else { None };
        flags.push((flag, value));
    }
    flags
}

/// The first argument for ROS that no distribution knows: rcl leaves it to its client library to refuse it.
pub fn unknown_ros_arg(args: &[String]) -> Option<String> {
    let is_known = |flag: &str| {
        let log = flag.strip_prefix("--enable-").or(flag.strip_prefix("--disable-"));
        TAKE_ONE.contains(&flag) || log.is_some_and(|log| LOGS.contains(&log))
    };
    ros_flags(args).into_iter().map(|(flag, _)| flag).find(|flag| !is_known(flag))
}

fn split(args: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut own, mut ros) = (Vec::new(), Vec::new());
    let mut open = false;
    for arg in args {
        match (open, arg.as_str()) {
            (_, OPEN) => open = true,
            (true, CLOSE) => open = false,
            (true, _) => ros.push(arg.clone()),
            (false, _) => own.push(arg.clone()),
        }
    }
    (own, ros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn only_what_is_not_for_ros_is_left() {
        for (args, own, ros) in [
            ("node", "node", ""),
            ("node --model m", "node --model m", ""),
            ("node --ros-args -r a:=b -p c:=1", "node", "-r a:=b -p c:=1"),
            ("node --ros-args -r a:=b -- --model m", "node --model m", "-r a:=b"),
            ("node --ros-args --ros-args -r a:=b -- -v --ros-args -p x:=1", "node -v", "-r a:=b -p x:=1"),
            ("node --ros-args --", "node", ""),
            ("node -- a --ros-args", "node -- a", ""),
        ] {
            assert_eq!(without_ros_args(&list(args)), list(own), "{args}");
            assert_eq!(ros_args(&list(args)), list(ros), "{args}");
        }
    }

    #[test]
    fn an_argument_that_ros_does_not_know_is_found() {
        for (args, unknown) in [
            ("node --fast --ros-args -r --fast -p -x", None),
            ("node --ros-args --log-level info --disable-rosout-logs --enable-stdout-logs -e /e", None),
            ("node --ros-args -p", None),
            ("node --ros-args -r a:=b --fast", Some("--fast")),
            ("node --ros-args a:=b", Some("a:=b")),
            ("node --ros-args --enable-all-logs", Some("--enable-all-logs")),
            ("node --ros-args -r a:=b -- c --ros-args -q", Some("-q")),
        ] {
            assert_eq!(unknown_ros_arg(&list(args)).as_deref(), unknown, "{args}");
        }
    }
}
