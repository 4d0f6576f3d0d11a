"""Deadlines on a loaded machine: replay in real time, and the live node, while stress-ng, a cgroup's quota or one core press on them.

    python3 benches/load/load.py                       # all of replay
    source /opt/ros/humble/setup.bash && python3 benches/load/load.py --live
    python3 benches/load/load.py --only "all cores" nice -- --model models/itnet-s

Needs stress-ng, root for quotas and priorities, and a machine that does nothing else. Each scenario runs for 20 s; the load presses from second 6 to
second 14. `missed` counts masks after their deadline among those published; `exit` is the mean exit before, under and after the load; `back` is
the time from the load's end until a quarter of a second's frames are on average as deep as 0.95 of those before; `cpu` is the CPU time of the network's
threads in a second, before and under load; `others` is that of everything but the process before the load, what the host took included: where it is not
near 0 the machine was not ours, and the row says little. A scenario without a load is limited from start to end.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import bag

ROOT = Path(__file__).resolve().parents[2]
SECONDS, ON, OFF = 20.0, 6.0, 14.0
HZ = 30.0
CGROUPS = Path("/sys/fs/cgroup")
VERSION_2 = (CGROUPS / "cgroup.controllers").exists()
CGROUP = (CGROUPS if VERSION_2 else CGROUPS / "cpu") / "itnet-load"
# In version 1 another controller counts the time used, which may be mounted apart.
ACCOUNT = CGROUP if VERSION_2 else CGROUPS / "cpuacct" / CGROUP.name


@dataclass
class Scenario:
    name: str
    press: str = ""
    quota: float = 0.0
    neighbour: str = ""
    core: bool = False
    parameters: dict = field(default_factory=dict)


ALL = "--cpu 0 --cpu-method matrixprod"
SCENARIOS = [
    Scenario("idle"),
    Scenario("one core", "--cpu 1 --cpu-method matrixprod"),
    Scenario("all cores", ALL),
    Scenario("twice all cores", f"--cpu {2 * os.cpu_count()} --cpu-method matrixprod"),
    Scenario("memory: stream", "--stream 0"),
    Scenario("memory: vm", "--vm 0 --vm-bytes 256m"),
    Scenario("on one core", core=True),
    Scenario("on one core, all cores", "--cpu 0 --cpu-method matrixprod", core=True),
    Scenario("quota 50 %", quota=0.5),
    Scenario("quota 25 %", quota=0.25),
    Scenario("quota 50 %, neighbour 20 %", quota=0.5, neighbour="--cpu 1 --cpu-load 20 --cpu-load-slice 10"),
    Scenario("quota 50 %, neighbour 30 %", quota=0.5, neighbour="--cpu 1 --cpu-method matrixprod --cpu-load 30 --cpu-load-slice 10"),
    Scenario("quota 60 %, neighbour 30 % in bursts", quota=0.6, neighbour="--cpu 1 --cpu-method matrixprod --cpu-load 30"),
    Scenario("quota 100 %, neighbour 100 %", quota=1.0, neighbour="--cpu 1 --cpu-method matrixprod"),
    Scenario("share 0.3", parameters={"compute_share": 0.3}),
    Scenario("share 0.3, all cores", ALL, parameters={"compute_share": 0.3}),
    Scenario("2 threads", parameters={"threads": 2}),
    Scenario("2 threads, all cores", ALL, parameters={"threads": 2}),
    Scenario("nice -10, all cores", ALL, parameters={"nice": -10}),
    Scenario("fifo 10, all cores", ALL, parameters={"fifo_priority": 10}),
    Scenario("fifo 10, 2 threads, all cores", ALL, parameters={"fifo_priority": 10, "threads": 2}),
    Scenario("affinity, all cores", ALL, parameters={"cpu_affinity": [os.cpu_count() - 1]}),
    Scenario("locked, memory: vm", "--vm 0 --vm-bytes 256m", parameters={"lock_memory": True}),
]


@contextlib.contextmanager
def limited(scenario):
    """Processes that are started inside have the scenario's quota, with its neighbour, and its core; this one until it calls what is given."""
    before, neighbour = os.sched_getaffinity(0), None

    def leave():
        os.sched_setaffinity(0, before)
        if scenario.quota:
            join(CGROUP.parent, ACCOUNT.parent)

    try:
        if scenario.core:
            os.sched_setaffinity(0, {min(before)})
        if scenario.quota:
            below(scenario.quota)
        if scenario.neighbour:
            neighbour = started(scenario.neighbour)
        yield leave
    finally:
        leave()
        if neighbour:
            end(neighbour)


def below(cpus):
    """Puts this process below a quota."""
    if VERSION_2:
        (CGROUP.parent / "cgroup.subtree_control").write_text("+cpu")
    CGROUP.mkdir(exist_ok=True)
    if VERSION_2:
        (CGROUP / "cpu.max").write_text(f"{round(cpus * 100_000)} 100000")
    else:
        (CGROUP / "cpu.cfs_period_us").write_text("100000")
        (CGROUP / "cpu.cfs_quota_us").write_text(str(round(cpus * 100_000)))
    ACCOUNT.mkdir(exist_ok=True)
    join(CGROUP, ACCOUNT)


def join(*cgroups):
    for cgroup in cgroups:
        (cgroup / "cgroup.procs").write_text("0")


def started(stress):
    """stress-ng with these arguments."""
    return subprocess.Popen(["stress-ng", "--quiet", *stress.split()], start_new_session=True, stdout=subprocess.DEVNULL)


def end(load):
    os.killpg(load.pid, signal.SIGKILL)
    load.wait()


def network_cpu(pid):
    """CPU seconds of the threads that compute."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            stat = (task / "stat").read_text()
            name, rest = stat[stat.index("(") + 1 :].rsplit(")", 1)
            if name in ("itnet-network", "itnet-model-1") or name.startswith("itnet-engine"):
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def others_cpu(pid):
    """CPU seconds of everything but a process: busy or taken by the host."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    own = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = user + nice + system + irq + softirq + steal - int(own[11]) - int(own[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def press(scenario, pid, start):
    """Sleeps through the scenario, with the load in the middle; gives the CPU time a second before and under it, and that of others before."""
    at = lambda seconds: time.sleep(max(0.0, start + seconds - time.monotonic()))
    marks = []
    for second, begins in ((2.0, False), (ON, True), (ON + 1.0, False), (OFF, False)):
        at(second)
        marks.append((time.monotonic(), network_cpu(pid), others_cpu(pid)))
        if begins and scenario.press:
            load = started(scenario.press)
    if scenario.press:
        end(load)
    rate = lambda a, b, of: (b[of] - a[of]) / (b[0] - a[0])
    return rate(*marks[:2], 1), rate(*marks[2:], 1), rate(*marks[:2], 2)


def replay(scenario, given, recording, folder):
    """The frames of a replay as (second, exit, missed, elapsed ms), the dropped, and the CPU before and under load."""
    parameters = Path(folder) / "parameters.yaml"
    parameters.write_text(json.dumps({"/**": {"ros__parameters": scenario.parameters}}))
    out = Path(folder) / "out"
    command = [given.itnet, "replay", recording, "--out", out, "--overwrite", "--pace", "realtime", "--params", parameters]
    with limited(scenario) as leave:
        process = subprocess.Popen([*map(str, command), *given.more], cwd=ROOT, stdout=subprocess.DEVNULL)
        leave()
        # It starts to play when it has something to write to.
        while not (out / "metadata.yaml").exists() and process.poll() is None:
            time.sleep(0.005)
        cpu = press(scenario, process.pid, time.monotonic())
        if process.wait() != 0:
            sys.exit(f"{scenario.name}: replay ended with {process.returncode}")
    report = json.loads((out / "report.json").read_text())
    second = lambda stamp: (stamp["sec"] * 1_000_000_000 + stamp["nanosec"] - bag.START) / 1e9
    frames = [(second(f["stamp"]), f["exit"], f["overrun_ms"] > 0, f["elapsed_ms"]) for f in report["frames"]]
    return frames, report["totals"]["dropped"], cpu


def film(messages, sent):
    """A process: a camera whose frames are stamped with the steady clock."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("camera", start_parameter_services=False, enable_rosout=False)
    publisher = node.create_publisher(Image, "/image", QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    while not publisher.get_subscription_count():
        time.sleep(0.05)
    start = time.monotonic()
    for turn in range(int(SECONDS * HZ)):
        time.sleep(max(0.0, start + turn / HZ - time.monotonic()))
        publisher.publish(bag.stamped(messages[turn % len(messages)], time.monotonic_ns()))
        sent.value += 1
    time.sleep(1.0)
    node.destroy_node()
    rclpy.shutdown()


def live(scenario, given):
    """The same of the live node."""
    sys.path.insert(0, str(ROOT / "benches" / "ros"))
    import common
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray

    frames, sent = [], common.SPAWN.Value("q", 0)

    def note(message):
        values = {value.key: value.value for value in message.status[0].values}
        at = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        frames.append((at, int(values["exit"]), float(values["overrun_ms"]) > 0, float(values["elapsed_ms"])))

    with (
        common.scratch_domain(given.domain) as env,
        limited(scenario) as leave,
        common.node(env, scenario.parameters) as node,
    ):
        leave()
        rclpy.init()
        peer = rclpy.create_node("receiver", start_parameter_services=False, enable_rosout=False)
        peer.create_subscription(DiagnosticArray, "/itnet/debug/frame", note, common.qos("reliable", 200))
        messages = bag.pictures(given.frames, (480, 360))
        camera = common.SPAWN.Process(target=film, args=(messages, sent))
        camera.start()
        while sent.value == 0:
            rclpy.spin_once(peer, timeout_sec=0.01)
        start = time.monotonic()
        cpu = []
        thread = threading.Thread(target=lambda: cpu.extend(press(scenario, node.process.pid, start)))
        thread.start()
        while camera.is_alive():
            rclpy.spin_once(peer, timeout_sec=0.1)
        thread.join()
        peer.destroy_node()
        rclpy.shutdown()
        rows = [(at - start, *rest) for at, *rest in frames]
        return rows, sent.value - len(rows), tuple(cpu)


def back(frames, before):
    """Seconds from the load's end until the frames are as deep as before; `None`: never."""
    later = [frame for frame in frames if frame[0] >= OFF]
    for i in range(len(later) - 7):
        if mean(frame[1] for frame in later[i : i + 8]) >= 0.95 * before:
            return later[i][0] - OFF
    return None


def row(scenario, frames, dropped, cpu):
    depth = lambda a, b: mean([f[1] for f in frames if a <= f[0] < b] or [0])
    missed = sum(f[2] for f in frames)
    under = [f for f in frames if ON <= f[0] < OFF]
    elapsed = sorted(f[3] for f in under)
    p99 = elapsed[int(0.99 * (len(elapsed) - 1))] if elapsed else 0.0
    before = depth(1.0, ON)
    recovered = back(frames, before) if scenario.press else 0.0
    cells = [
        f"{scenario.name:37}",
        f"{len(frames):6}",
        f"{dropped:7}",
        f"{missed:6}",
        f"{100 * missed / max(1, len(frames)):6.2f}",
        f"{sum(f[2] for f in under):6}",
        f"{before:5.2f} /{depth(ON, OFF):5.2f} /{depth(OFF + 1.0, SECONDS):5.2f}",
        f"{p99:6.1f}",
        "never" if recovered is None else f"{recovered:5.2f}" if scenario.press else "    -",
        f"{cpu[0]:5.2f} /{cpu[1]:5.2f}",
        f"{cpu[2]:6.2f}",
    ]
    print(" ".join(cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="scenarios, by their whole names")
    parser.add_argument("--live", action="store_true", help="the live node instead of replay; a ROS 2 has to be sourced")
    parser.add_argument("--frames", type=Path, metavar="BAG", help="a sqlite3 bag whose raw images are played [default: drawn ones]")
    parser.add_argument("--itnet", default=str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "itnet"))
    parser.add_argument("--budget-ms", type=float, default=33.0)
    parser.add_argument("--hz", type=float, default=HZ, help="of the camera; at 30 a period of a quota has just three frames")
    parser.add_argument("--domain", type=int, default=100, help="tests take 1 to 99")
    parser.add_argument("--keep", type=Path, help="where the bag is written, or was by an earlier run")
    parser.add_argument("more", nargs="*", help="further arguments of `itnet replay`, after --")
    given = parser.parse_args()
    globals()["HZ"] = given.hz
    chosen = [s for s in SCENARIOS if not given.only or s.name in given.only]
    print(f"{'':37} frames dropped missed missed   under  exit before/under/after    p99  back        cpu   others")
    print(f"{'':37}                         %    load                          ms      s  before/under  before")
    with tempfile.TemporaryDirectory(prefix="itnet-load-") as folder:
        recording = (given.keep or Path(folder)) / "bag"
        if not given.live and not recording.exists():
            bag.write(recording, bag.pictures(given.frames, (480, 360)), int(SECONDS * HZ), HZ)
        for scenario in chosen:
            scenario.parameters = {"budget_ms": given.budget_ms, **scenario.parameters}
            row(scenario, *(live(scenario, given) if given.live else replay(scenario, given, recording, tempfile.mkdtemp(dir=folder))))


if __name__ == "__main__":
    main()
