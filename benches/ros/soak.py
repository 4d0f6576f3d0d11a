"""The node for minutes with several cameras: memory, handles, threads, masks, drops and losses, and every warning.

    python3 benches/ros/soak.py --minutes 10
    python3 benches/ros/soak.py --minutes 1 --cameras 32 --hz 5 --size 320 240      # many cameras
    python3 benches/ros/soak.py --minutes 1 --cameras 1 --hz 300 --size 320 240     # one that floods
"""

import argparse
import os
import time
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from sensor_msgs.msg import Image

import common


def usage(pid):
    """Resident memory in MiB, open handles and threads of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"])


class Counter:
    """Counts masks and keeps the last figures of the diagnostics."""

    def __init__(self, cameras):
        self.cameras = cameras
        rclpy.init()
        self.node = rclpy.create_node("counter", start_parameter_services=False, enable_rosout=False)
        self.masks = dict.fromkeys(cameras, 0)
        self.figures = {camera: {} for camera in cameras}
        for camera in cameras:
            topic = f"/itnet/{camera}/mask"
            self.node.create_subscription(Image, topic, self.counting(camera), common.qos("reliable", 30), raw=True)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.note, 10)

    def counting(self, camera):
        def count(_):
            self.masks[camera] += 1

        return count

    def note(self, message):
        for status in message.status:
            for camera in self.cameras:
                if status.name == f"itnet: camera {camera}":
                    self.figures[camera] = {value.key: value.value for value in status.values}

    def figure(self, name):
        return sum(int(figures.get(f"{name}_frames", 0)) for figures in self.figures.values())

    def state(self):
        client = self.node.create_client(GetState, "/itnet/get_state")
        client.wait_for_service(30.0)
        future = client.call_async(GetState.Request())
        rclpy.spin_until_future_complete(self.node, future, timeout_sec=30.0)
        return future.result().current_state.label if future.done() else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--hz", type=float, default=30.0)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--budget-ms", type=float, default=33.0)
    parser.add_argument("--reliability", choices=sorted(common.RELIABILITY), default="best_effort")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two rows")
    common.add_domain(parser, 101)
    options = parser.parse_args()
    with common.scratch_domain(options.domain) as env:
        names = [f"camera{number}" for number in range(options.cameras)]
        cameras = {name: {"topic": f"/{name}/image_raw"} for name in names}
        subscription = {"subscription": {"reliability": options.reliability}}
        overrides = {camera["topic"]: subscription for camera in cameras.values()}
        parameters = {"budget_ms": options.budget_ms, "cameras": names, "qos_overrides": overrides, **cameras}
        with common.node(env, parameters) as node:
            soak(options, node, names, [camera["topic"] for camera in cameras.values()])


def soak(options, node, cameras, topics):
    counter, sent = Counter(cameras), common.SPAWN.Value("q", 0)
    arguments = (topics, tuple(options.size), options.hz, 60.0 * options.minutes, options.reliability, sent)
    filming = common.SPAWN.Process(target=common.publish, args=arguments)
    filming.start()
    names = ("seconds", "RSS MiB", "handles", "threads", "sent", "received", "masks", "missed", "dropped", "failed")
    print(" ".join(f"{name:>9}" for name in names), flush=True)
    start, rows = time.monotonic(), []
    due = start
    while filming.is_alive():
        rclpy.spin_once(counter.node, timeout_sec=0.1)
        if time.monotonic() >= due and not node.has_ended():
            due += options.every
            rows.append(show(counter, node, sent.value, time.monotonic() - start))
    filming.join()
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        rclpy.spin_once(counter.node, timeout_sec=0.1)
    rows.append(show(counter, node, sent.value, time.monotonic() - start))
    settled = rows[min(len(rows) - 1, len(rows) // 5 + 1)][0]
    print(f"memory from a fifth of the time to the end: {rows[-1][0] - settled:+.1f} MiB; state: {counter.state()}")
    # The node cannot see what never came to it; whoever sent it can.
    print(f"lost by the middleware: {sent.value - counter.figure('received')} of {sent.value} frames")
    print(f"masks received: {counter.masks}")
    told = node.said("WARN") + node.said("ERROR")
    print(f"{len(told)} warnings and errors")
    print("".join(told), end="")


def show(counter, node, sent, seconds):
    memory, handles, threads = usage(node.process.pid)
    counts = [counter.figure(name) for name in ("received", "published", "missed", "dropped", "failed")]
    cells = [f"{seconds:9.0f}", f"{memory:9.1f}", *(f"{n:9}" for n in (handles, threads, sent, *counts))]
    print(" ".join(cells), flush=True)
    return memory, handles, threads


if __name__ == "__main__":
    main()
