//! Which arguments of a command line are for ROS.
//!
//! `--ros-args` opens a part that is for ROS alone; `--` or the end of the line closes it, and another part may follow.

/// Opens the part for ROS.
const OPEN: &str = "--ros-args";
/// Closes it.
const CLOSE: &str = "--";

/// The arguments outside of every `--ros-args ... [--]`: what is left for a program's own options.
pub fn without_ros_args(args: &[String]) -> Vec<String> {
    split(args).0
}

/// The arguments inside of every `--ros-args ... [--]`, without these two.
pub fn ros_args(args: &[String]) -> Vec<String> {
    split(args).1
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
}
