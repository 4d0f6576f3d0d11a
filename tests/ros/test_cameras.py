"""Several cameras in one node."""

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image

import frames
from harness import NodeTest

TWO = {
    "cameras": ["front", "rear"],
    "front.topic": "/front/image_raw",
    "front.budget_ms": 1.0,
    "rear.topic": "/rear/image_raw",
    "budget_ms": 2000.0,
}


class Cameras(NodeTest):
    def setUp(self):
        super().setUp()
        self.masks = {name: self.listen(f"/itnet/{name}/mask") for name in ("front", "rear")}
        self.told = {name: self.listen(f"/itnet/{name}/debug/frame", DiagnosticArray) for name in ("front", "rear")}

    def both(self):
        front = self.camera("/front/image_raw", frame_id="front_lens")
        rear = self.camera("/rear/image_raw", size=(80, 60), frame_id="rear_lens")
        return front, rear

    def values(self, name):
        return [{value.key: value.value for value in each.status[0].values} for each in self.told[name]]

    def test_each_camera_has_its_own_masks_under_its_own_budget(self):
        self.active(TWO)
        front, rear = self.both()

        def served():
            deep = [values for values in self.values("rear") if int(values["exit"]) > 1]
            return len(self.values("front")) >= 3 and deep

        front.feed(served, "masks of both", hz=3.0, each=lambda test, it: rear.send())
        for name, camera, width in (("front", front, 64), ("rear", rear, 80)):
            for mask in self.masks[name]:
                self.assertIn(frames.key(mask.header), camera.sent)
                self.assertEqual(mask.width, width)
        self.assertEqual({float(values["budget_ms"]) for values in self.values("front")}, {1.0})
        self.assertEqual({float(values["budget_ms"]) for values in self.values("rear")}, {2000.0})
        self.assertEqual({values["exit"] for values in self.values("front")}, {"1"})

    def test_a_slow_camera_is_served_beside_a_fast_one(self):
        self.active({**TWO, "rear.budget_ms": 50.0})
        front, rear = self.both()

        def seldom(test, it):
            if len(it.sent) % 10 == 0:
                rear.send()

        front.feed(lambda: len(self.masks["rear"]) >= 4, "masks of the slow one", hz=30.0, each=seldom)
        self.assertTrue(self.masks["front"])

    def test_a_camera_that_floods_starves_no_other(self):
        self.active({**TWO, "front.budget_ms": 2000.0})
        front, rear = self.both()

        def flood(test, it):
            for _ in range(4):
                front.send()

        rear.feed(lambda: len(self.masks["rear"]) >= 4, "masks of the other", hz=5.0, each=flood)
        self.assertTrue(self.masks["front"])

    def test_the_budget_of_one_camera_changes_while_both_run(self):
        self.active(TWO)
        front, rear = self.both()
        front.feed(lambda: self.values("front"), "a frame", each=lambda test, it: rear.send())
        (result,) = self.set(front__budget_ms=1500)
        self.assertTrue(result.successful, result.reason)

        def changed():
            budgets = {float(values["budget_ms"]) for values in self.values("front")}
            return 1500.0 in budgets

        front.feed(changed, "a frame with the new budget", each=lambda test, it: rear.send())
        self.assertEqual({float(values["budget_ms"]) for values in self.values("rear")}, {2000.0})

    def test_each_camera_has_its_own_calibration(self):
        self.active({**TWO, "budget_ms": 20.0})
        infos = {name: self.listen(f"/itnet/{name}/camera_info", CameraInfo) for name in ("front", "rear")}
        publishers = {name: self.peer.create_publisher(CameraInfo, f"/{name}/camera_info", 10) for name in infos}
        front, rear = self.both()

        def all_of_them(test, it):
            rear.send()
            publishers["front"].publish(frames.calibration(frames.header(0, "front_lens"), (64, 48)))
            publishers["rear"].publish(frames.calibration(frames.header(0, "rear_lens"), (80, 60)))

        front.feed(lambda: all(infos.values()), "both calibrations", each=all_of_them)
        self.assertEqual([infos["front"][0].width, infos["rear"][0].width], [64, 80])

    def test_one_camera_without_frames_is_named_and_holds_up_no_other(self):
        node = self.active({**TWO, "no_frame_s": 1.0})
        front = self.camera("/front/image_raw")
        front.feed(lambda: node.said("WARN", "/rear/image_raw", "no publisher"), "a warning of the other")
        self.assertTrue(self.masks["front"])
        self.assertFalse(node.said("WARN", "/front/image_raw: there is no"))

    def test_a_camera_without_a_topic_leaves_the_node_unconfigured_with_the_reason(self):
        node = self.start({"cameras": ["front"]})
        self.wait_for_word(node, "ERROR", "front.topic")
        self.assertEqual(self.state(), "unconfigured")

    def test_a_name_that_no_topic_can_have_ends_the_node_with_the_reason(self):
        node = self.start({"cameras": ["front left"], "front left.topic": "/front"})
        self.assertNotEqual(self.wait_for_end(node), 0)
        self.assertIn("front left", node.log)

    def test_without_names_there_is_one_camera_on_image(self):
        self.active()
        masks = self.listen("/itnet/mask", Image)
        self.camera("/image").feed(lambda: masks, "a mask")
