"""Programs under test: where they are, how they are started, and that nothing of them is left."""

import os
import signal
import subprocess
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "itnet-s"
SHARED = Path(os.environ.get("ITNET_SHARED", REPOSITORY.parent / "shared"))

# A shell starts what runs in its background deaf to SIGINT, and so would be all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long anything may take before a test gives up, in seconds. Machines are slow, and a test that passes does not wait.
PATIENCE = 90.0


def program(name):
    """Path of one of the project's programs: beside ITNET_NODE, else in cargo's release folder."""
    given = os.environ.get("ITNET_NODE")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    node = Path(given) if given else REPOSITORY / target / "release" / "itnet_node"
    path = node.with_name(name) if name != "itnet_node" else node
    if not path.is_file():
        raise FileNotFoundError(f"{path}: build it with `cargo build --release --features ros`, or set ITNET_NODE")
    return str(path)


def environment(domain, scratch, **more):
    """What a program sees: a domain of its own, and logs that are thrown away with the test."""
    folders = {"ROS_LOG_DIR": str(scratch / "log"), "ROS_HOME": str(scratch)}
    return {**os.environ, "ROS_DOMAIN_ID": str(domain), "RCUTILS_COLORIZED_OUTPUT": "0", **folders, **more}


class Program:
    """A running program with all it has said so far."""

    def __init__(self, command, env, cwd=REPOSITORY):
        self.command = [str(part) for part in command]
        self.lines = []
        # A session of its own, so that its children are ended with it.
        self.process = subprocess.Popen(
            self.command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def log(self):
        """Standard output and standard error together."""
        return "".join(self.lines.copy())

    def said(self, *words):
        """The lines with all of these words in them."""
        return [line for line in self.lines.copy() if all(word in line for word in words)]

    def has_ended(self):
        return self.process.poll() is not None

    def send(self, which):
        self.process.send_signal(which)

    def code(self, timeout=PATIENCE):
        """The exit code, once it has ended and all was read."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def end(self):
        """Ends it kindly, then not, with its children."""
        try:
            if not self.has_ended():
                self.send(signal.SIGINT)
                self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.lines.append("(did not end by SIGINT within 20 s)\n")
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.code()
        self.process.stdout.close()


def finished(command, env, cwd=REPOSITORY, timeout=2 * PATIENCE):
    """Runs a command to its end; gives exit code and everything it said."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout
