"""What a subscriber hears of frames that the middleware loses: one that is stopped for a while, and one that is slow.

    python3 benches/ros/lost.py
"""

import argparse
import os
import signal
import time
from pathlib import Path

import rclpy
from rclpy.qos_event import SubscriptionEventCallbacks
from sensor_msgs.msg import Image

import common

SECONDS = 10.0


def listen(reliability, pause, over, received, told):
    """A process: takes frames, each for `pause` seconds, and counts them and the messages that an event calls lost."""
    rclpy.init()
    node = rclpy.create_node("listener", start_parameter_services=False, enable_rosout=False)

    def count(_):
        received.value += 1
        time.sleep(pause)

    def note(event):
        told.value = event.total_count

    events = SubscriptionEventCallbacks(message_lost=note)
    node.create_subscription(Image, "/image", count, common.qos(reliability), raw=True, event_callbacks=events)
    while not over.value:
        rclpy.spin_once(node, timeout_sec=0.1)


def datagrams():
    """How many UDP datagrams this machine has sent."""
    counters = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in counters if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])


def measure(options, what, pause, stopped):
    received, told, sent, over = (common.SPAWN.Value("q", 0) for _ in range(4))
    listener = common.SPAWN.Process(target=listen, args=(options.reliability, pause, over, received, told))
    filming = (["/image"], tuple(options.size), options.hz, SECONDS, options.reliability, sent)
    camera = common.SPAWN.Process(target=common.publish, args=filming)
    listener.start()
    camera.start()
    while not sent.value:
        time.sleep(0.01)
    before = datagrams()
    if stopped:
        time.sleep(SECONDS / 3)
        os.kill(listener.pid, signal.SIGSTOP)
        time.sleep(stopped)
        os.kill(listener.pid, signal.SIGCONT)
    camera.join()
    each = (datagrams() - before) / sent.value
    over.value = 1
    listener.join()
    lost = sent.value - received.value
    figures = f"{sent.value} frames of {each:.0f} datagrams, {lost} lost, {told.value} told of by the event"
    print(f"{what}: {figures}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hz", type=float, default=20.0)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--reliability", choices=sorted(common.RELIABILITY), default="best_effort")
    common.add_domain(parser)
    options = parser.parse_args()
    with common.scratch_domain(options.domain):
        measure(options, "a subscriber that keeps up", 0.0, 0.0)
        measure(options, "one that is stopped for 3 s", 0.0, 3.0)
        measure(options, "one that takes 0.2 s a frame", 0.2, 0.0)


if __name__ == "__main__":
    main()
