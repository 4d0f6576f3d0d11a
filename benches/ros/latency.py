"""What the node adds to the time of the stages, beside a node that only passes images on, in the same run.

    python3 benches/ros/latency.py --minutes 2

A process publishes images that are stamped with the steady clock; the node and a pass-through in rclpy subscribe to them; a third process takes
masks and passed images, unparsed, and reads its clock. In the table, `publish -> mask, less stages` is the whole way of a frame from
publisher to subscriber without the stages' own time, and `arrival -> publish, less stages` is the part of it inside the node. Rendering is a stage,
and the sending of the mask is part of it; a stage that was abandoned at the deadline is none.
"""

import argparse
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

import common


def pass_on(reliability, stop):
    """A process: what comes on /image goes out on /passed, unparsed."""
    rclpy.init()
    node = rclpy.create_node("pass_through", start_parameter_services=False, enable_rosout=False)
    publisher = node.create_publisher(Image, "/passed", common.qos("reliable"))
    node.create_subscription(Image, "/image", publisher.publish, common.qos(reliability), raw=True)
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.2)
    node.destroy_node()
    rclpy.shutdown()


class Receiver:
    """Notes when a mask and a passed image came, by the stamp of their frame, and what the node says of each frame."""

    def __init__(self):
        rclpy.init()
        self.node = rclpy.create_node("receiver", start_parameter_services=False, enable_rosout=False)
        self.masks, self.passed, self.values = {}, {}, {}
        for topic, times in (("/itnet/mask", self.masks), ("/passed", self.passed)):
            self.node.create_subscription(Image, topic, self.noting(times), common.qos("reliable", 5), raw=True)
        self.node.create_subscription(DiagnosticArray, "/itnet/debug/frame", self.note_values, common.qos("reliable", 50))

    def noting(self, times):
        return lambda raw: times.setdefault(common.stamp_of(raw), time.monotonic_ns())

    def note_values(self, message):
        at = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        self.values[at] = {value.key: value.value for value in message.status[0].values}


def row(name, milliseconds):
    if not len(milliseconds):
        return f"{name:42} {0:7}"
    p50, p90, p99 = np.percentile(milliseconds, [50, 90, 99])
    return f"{name:42} {len(milliseconds):7} {p50:8.3f} {p90:8.3f} {p99:8.3f} {np.max(milliseconds):8.3f}"


def report(receiver, sent, warm_up):
    """Prints the table; the first frames of the run are left out."""
    first = min(receiver.masks, default=0) + int(warm_up * 1e9)
    masks = {at: came for at, came in receiver.masks.items() if at >= first and at in receiver.values}
    passed = {at: came for at, came in receiver.passed.items() if at >= first}
    own = "stages_ms" if all("stages_ms" in receiver.values[at] for at in masks) else "elapsed_ms"
    value = lambda at, key: float(receiver.values[at][key])
    whole = [(came - at) / 1e6 for at, came in masks.items()]
    print(f"{sent} sent, {len(receiver.masks)} masks, {len(receiver.passed)} passed on; milliseconds:")
    print(f"{'':42} {'frames':>7} {'p50':>8} {'p90':>8} {'p99':>8} {'max':>8}")
    print(row(f"publish -> mask, less {own.removesuffix('_ms')}", [ms - value(at, own) for at, ms in zip(masks, whole)]))
    print(row("publish -> passed image", [(came - at) / 1e6 for at, came in passed.items()]))
    if own == "stages_ms":
        print(row("arrival -> publish, less stages", [value(at, "elapsed_ms") - value(at, own) for at in masks]))
    print(row("publish -> mask", whole))
    print(row("arrival -> publish", [value(at, "elapsed_ms") for at in masks]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--hz", type=float, default=30.0)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--budget-ms", type=float, default=33.0)
    parser.add_argument("--iterations", type=int, help="no more than this many")
    parser.add_argument("--reliability", choices=sorted(common.RELIABILITY), default="best_effort")
    common.add_domain(parser)
    options = parser.parse_args()
    seconds = 60.0 * options.minutes
    with common.scratch_domain(options.domain) as env:
        measure(options, seconds, env)


def measure(options, seconds, env):
    parameters = {"budget_ms": options.budget_ms}
    if options.iterations:
        parameters["iterations.max"] = options.iterations
    parameters["qos_overrides"] = {"/image": {"subscription": {"reliability": options.reliability}}}
    with common.node(env, parameters) as node:
        receiver = Receiver()
        stop, sent = common.SPAWN.Event(), common.SPAWN.Value("q", 0)
        ends = [
            common.SPAWN.Process(target=pass_on, args=(options.reliability, stop)),
            common.SPAWN.Process(
                target=common.publish,
                args=(["/image"], tuple(options.size), options.hz, seconds, options.reliability, sent),
            ),
        ]
        for end in ends:
            end.start()
        while ends[1].is_alive():
            rclpy.spin_once(receiver.node, timeout_sec=0.1)
        stop.set()
        for end in ends:
            end.join()
        report(receiver, sent.value, warm_up=2.0)
        for line in node.said("WARN") + node.said("ERROR"):
            print(line, end="")


if __name__ == "__main__":
    main()
