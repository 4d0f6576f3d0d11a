"""A bag that ROS itself plays into the node at full rate: a mask for every frame, or a counted drop."""

from sensor_msgs.msg import CompressedImage, Image

import frames
from harness import NodeTest
from process import SHARED

TOPIC = "/camera/front/image_raw"


class Bag(NodeTest):
    def plays(self, name, kind, parameters, *arguments):
        bag = SHARED / "bags" / name
        if not bag.is_dir():
            self.skipTest(f"{bag} is absent")
        if self.ros2("bag", "--help")[0] != 0:
            self.skipTest("there is no `ros2 bag`")
        topic = f"{TOPIC}/compressed" if kind is CompressedImage else TOPIC
        images, masks = self.listen(topic, kind, 500), self.listen("/itnet/mask", Image, 500)
        told = self.diagnostics()
        node = self.active({"budget_ms": 50.0, **parameters}, "-r", f"image:={TOPIC}", *arguments)
        # The delay is for player and subscribers to find each other.
        self.wait_for_end(self.launch(["ros2", "bag", "play", bag, "--delay", "3", "--disable-keyboard-controls"]))

        def figures():
            counts = told("itnet: camera")
            return [int(counts.get(f"{each}_frames", 0)) for each in ("received", "published", "dropped", "failed")]

        self.wait(lambda: images and figures()[0] == len(images), "all frames to be counted")
        self.wait(lambda: figures()[0] == sum(figures()[1:]), "every frame to be published or dropped")
        received, published, dropped, failed = figures()
        print(f"{name}: {received} frames, {published} masks, {dropped} dropped, {failed} failed", flush=True)
        self.wait(lambda: len(masks) == published, "all masks")
        self.assertEqual(failed, 0)
        sent = [frames.key(image.header) for image in images]
        heads = [frames.key(mask.header) for mask in masks]
        self.assertEqual(heads, sorted(set(heads)))
        self.assertLessEqual(set(heads), set(sent))
        self.assertEqual(heads[-1], sent[-1], "the newest frame wins")
        self.assertEqual({(mask.width, mask.height) for mask in masks}, {(480, 360)})
        self.assertEqual(node.said("ERROR"), [])

    def test_every_raw_frame_of_a_bag_has_a_mask_or_is_counted(self):
        # Frames of half a megabyte in many datagrams: reliably, so that what is missing is the node's affair.
        reliable = {"qos_overrides": {TOPIC: {"subscription": {"reliability": "reliable", "depth": 10}}}}
        self.plays("drive_raw_sqlite3", Image, {}, "--params-file", self.parameter_file(reliable))

    def test_every_compressed_frame_of_a_bag_has_a_mask_or_is_counted(self):
        self.plays("drive_jpeg_mcap", CompressedImage, {"image_transport": "compressed"})
