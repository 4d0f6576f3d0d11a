"""A bag that ROS itself plays into the node at full rate: a mask for every frame, or a counted drop."""

import re
import shutil
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CompressedImage, Image

import frames
from harness import NodeTest
from process import MODEL, SHARED, finished, program

TOPIC = "/camera/front/image_raw"
COUNTS = ("received_frames", "published_frames", "dropped_frames", "failed_frames")


def figures(message):
    """What the diagnostics say of the camera since the start."""
    (camera,) = (status for status in message.status if "itnet: camera" in status.name)
    values = {value.key: value.value for value in camera.values}
    return [int(values[name]) for name in COUNTS]


def settled(told):
    last = [figures(message) for message in told[-3:] if len(message.status) > 2]
    return len(last) == 3 and last[0] == last[1] == last[2] and last[0][0] > 0


class Bag(NodeTest):
    def count(self, bag, topic):
        """How many messages of a topic the bag has; the test is skipped without the bag, or without what plays it."""
        if not bag.is_dir():
            self.skipTest(f"{bag} is absent")
        if self.ros2("bag", "--help")[0] != 0:
            self.skipTest("there is no `ros2 bag`")
        code, said = self.ros2("bag", "info", bag)
        self.assertEqual(code, 0, said)
        return int(re.search(rf"Topic: {re.escape(topic)} .*Count: (\d+)", said)[1])

    def plays(self, name, kind, parameters, *arguments, copied=False):
        topic = f"{TOPIC}/compressed" if kind is CompressedImage else TOPIC
        bag = SHARED / "bags" / name
        count = self.count(bag, topic)
        if copied:
            bag = shutil.copytree(bag, Path(self.scratch) / name)
        images, masks = self.listen(topic, kind, 500), self.listen("/itnet/mask", Image, 500)
        told = self.listen("/diagnostics", DiagnosticArray)
        node = self.active({"budget_ms": 50.0, **parameters}, "-r", f"image:={TOPIC}", *arguments)
        # The delay is for player and subscribers to find each other.
        command = ["ros2", "bag", "play", bag, "--delay", "3", "--disable-keyboard-controls"]
        self.wait_for_end(self.launch(command))
        # The diagnostics come once a second: all has settled when they repeat themselves.
        self.wait(lambda: told and settled(told), "the figures to stand still")
        received, published, dropped, failed = figures(told[-1])
        print(f"{name}: {count} frames, {received} received ({len(images)} by the peer), "
              f"{published} masks, {dropped} dropped, {failed} failed", flush=True)
        self.assertEqual((received, failed), (count, 0))
        self.assertEqual(received, published + dropped)
        self.wait(lambda: len(masks) == published, "all masks")
        heads = [frames.key(mask.header) for mask in masks]
        self.assertEqual(heads, sorted(set(heads)))
        self.assertLessEqual(set(heads), {frames.key(image.header) for image in images})
        self.assertEqual(heads[-1], frames.key(images[-1].header), "the newest frame wins")
        self.assertEqual({(mask.width, mask.height) for mask in masks}, {(480, 360)})
        self.assertEqual(node.said("ERROR"), [])

    def plays_raw(self, name, **more):
        # Frames of half a megabyte in many datagrams: reliably, so that what is missing is the node's affair.
        reliable = {"qos_overrides": {TOPIC: {"subscription": {"reliability": "reliable", "depth": 50}}}}
        self.plays(name, Image, {}, "--params-file", self.parameter_file(reliable), **more)

    def test_every_raw_frame_of_a_bag_has_a_mask_or_is_counted(self):
        self.plays_raw("drive_raw_sqlite3")

    def test_a_bag_of_compressed_messages_is_no_different(self):
        self.plays_raw("drive_raw_sqlite3_zstd_message")

    def test_nor_is_one_of_compressed_files(self):
        # rosbag2 unpacks beside the file.
        self.plays_raw("drive_raw_sqlite3_zstd_file", copied=True)

    def test_nor_is_one_of_compressed_chunks(self):
        self.plays_raw("drive_raw_mcap_zstd")

    def test_every_compressed_frame_of_a_bag_has_a_mask_or_is_counted(self):
        self.plays("drive_jpeg_mcap", CompressedImage, {"image_transport": "compressed"})

    def test_ros_plays_what_the_project_writes(self):
        street, masks = self.scratch / "demo" / "street", self.scratch / "masks"
        model = ("--model", MODEL)
        demo = [program("itnet"), "demo", "--seconds", "2", "--out", street.parent, *model]
        replay = [program("itnet"), "replay", street, "--storage", "sqlite3", "--out", masks, *model]
        for command in (demo, replay):
            code, said = finished(command, self.environment())
            self.assertEqual(code, 0, said)
        written = ((street, "/camera/image_raw"), (street.parent / "masks", "/itnet/mask"), (masks, "/itnet/mask"))
        for bag, topic in written:
            with self.subTest(bag=bag.relative_to(self.scratch)):
                count, inbox = self.count(bag, topic), self.listen(topic, Image, 500)
                command = ["ros2", "bag", "play", bag, "--delay", "3", "--disable-keyboard-controls"]
                player = self.launch(command)
                self.wait_for_end(player)
                self.assertEqual((player.said("ERROR"), player.code()), ([], 0))
                self.wait(lambda: len(inbox) == count > 0, f"{count} messages of {topic}", timeout=20.0)
