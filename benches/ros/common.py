"""What the measurements with ROS share: a camera in a process of its own, and raw messages that bear their stamp."""

import contextlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "ros"))

import rclpy
from builtin_interfaces.msg import Time
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

import frames
from process import MODEL, Program, environment, program

RELIABILITY = {"best_effort": ReliabilityPolicy.BEST_EFFORT, "reliable": ReliabilityPolicy.RELIABLE}
SPAWN = multiprocessing.get_context("spawn")


def qos(reliability, depth=1):
    return QoSProfile(depth=depth, reliability=RELIABILITY[reliability])


def stamp(nanos):
    return Time(sec=nanos // 1_000_000_000, nanosec=nanos % 1_000_000_000)


def stamp_of(raw):
    """Nanoseconds of the stamp that a serialized message with a header begins with."""
    return int.from_bytes(raw[4:8], "little") * 1_000_000_000 + int.from_bytes(raw[8:12], "little")


def publish(topics, size, hz, seconds, reliability, sent):
    """A process: cameras whose frames are stamped with the steady clock, which is the same in all processes."""
    rclpy.init()
    node = rclpy.create_node("cameras", start_parameter_services=False, enable_rosout=False)
    publishers = [node.create_publisher(Image, topic, qos(reliability, 5)) for topic in topics]
    pictures = [frames.image(Header(frame_id="lens"), size, "rgb8", seed) for seed in range(4)]
    while not all(publisher.get_subscription_count() for publisher in publishers):
        time.sleep(0.05)
    # Cameras are not in step.
    share = 1.0 / hz / len(publishers)
    start = time.monotonic()
    for turn in range(int(seconds * hz) * len(publishers)):
        wait = start + turn * share - time.monotonic()
        # A camera that was stopped with its machine does not make up for the frames of that time.
        start -= min(0.0, wait) if wait < -1.0 else 0.0
        time.sleep(max(0.0, wait))
        picture = pictures[turn // len(publishers) % len(pictures)]
        picture.header.stamp = stamp(time.monotonic_ns())
        publishers[turn % len(publishers)].publish(picture)
        sent.value += 1
    time.sleep(1.0)
    node.destroy_node()
    rclpy.shutdown()


def add_domain(parser, default=100):
    """The option for a domain: by default one that `tests/ros` never takes, since a test that met a bench set its parameters."""
    parser.add_argument("--domain", type=int, default=default, help=f"tests take 1 to 99 [default: {default}]")


@contextlib.contextmanager
def scratch_domain(domain):
    """This process and those that it starts in a domain and a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="itnet-bench-") as folder:
        env = environment(domain, Path(folder))
        os.environ.update(env)
        yield env


@contextlib.contextmanager
def node(env, parameters):
    """The node with these parameters, which is ended in any case."""
    # A file, because the command line takes no topics in the names of parameters.
    file = Path(env["ROS_HOME"]) / "parameters.yaml"
    file.write_text(json.dumps({"/**": {"ros__parameters": {"model": str(MODEL), **parameters}}}))
    started = Program([program("itnet_node"), "--ros-args", "--params-file", file], env)
    try:
        end = time.monotonic() + 120.0
        while not started.said("active") and not started.has_ended() and time.monotonic() < end:
            time.sleep(0.1)
        if not started.said("active"):
            sys.exit(f"the node did not become active:\n{started.log}")
        yield started
    finally:
        started.end()
