"""Quality of service: overrides, and why no frame comes."""

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String

from harness import NodeTest

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SOON = {"no_frame_s": 0.5}


class Overrides(NodeTest):
    def overridden(self, **overrides):
        """A parameter file with overrides as rclcpp names them."""
        return self.parameter_file({"qos_overrides": overrides})

    def test_the_subscription_and_a_publisher_are_overridden_by_parameters(self):
        image = {"/image": {"subscription": {"reliability": "reliable", "depth": 3}}}
        mask = {"/itnet/mask": {"publisher": {"reliability": "best_effort", "durability": "transient_local"}}}
        self.active(None, "--params-file", self.overridden(**image, **mask))
        (end,) = self.wait(lambda: self.peer.get_subscriptions_info_by_topic("/image"), "a subscription")
        self.assertEqual(end.qos_profile.reliability, ReliabilityPolicy.RELIABLE)
        (end,) = self.wait(lambda: self.peer.get_publishers_info_by_topic("/itnet/mask"), "a publisher")
        self.assertEqual(end.qos_profile.reliability, ReliabilityPolicy.BEST_EFFORT)
        self.assertEqual(end.qos_profile.durability, DurabilityPolicy.TRANSIENT_LOCAL)

    def test_a_mask_that_is_kept_for_late_subscribers_reaches_them(self):
        latched = self.overridden(**{"/itnet/mask": {"publisher": {"durability": "transient_local"}}})
        self.active(None, "--params-file", latched)
        told = self.listen("/itnet/debug/frame", DiagnosticArray)
        self.camera().feed(lambda: told, "a frame")
        masks = self.listen("/itnet/mask", qos=LATCHED)
        self.wait(lambda: masks, "the mask from before")

    def test_overrides_are_parameters_that_only_the_start_reads(self):
        overrides = self.overridden(**{"/image": {"subscription": {"depth": 3}}})
        self.start({"autostart": False}, "--params-file", overrides)
        self.wait_for_state("unconfigured")
        name = "qos_overrides./image.subscription.depth"
        _, said = self.ros2("param", "get", "--no-daemon", "/itnet", name)
        self.assertIn("Integer value is: 3", said)
        _, said = self.ros2("param", "set", "--no-daemon", "/itnet", name, "4")
        self.assertIn(name, said)
        self.assertIn("failed", said)

    def test_an_override_of_a_topic_that_is_not_there_is_warned_of(self):
        node = self.active(None, "--params-file", self.overridden(**{"/other": {"subscription": {"depth": 3}}}))
        self.wait_for_word(node, "WARN", "qos_overrides./other.subscription.depth", "/image")

    def test_what_a_file_for_many_nodes_says_of_others_topics_is_warned_of(self):
        overrides = self.overridden(**{"/scan": {"subscription": {"reliability": "best_available"}}})
        node = self.active(None, "--params-file", overrides)
        self.wait_for_word(node, "WARN", "qos_overrides./scan.subscription.reliability", "/scan is not subscribed")

    def test_a_wrong_override_ends_the_node_and_names_what_would_be_right(self):
        overrides = self.overridden(**{"/image": {"subscription": {"reliability": "maybe"}}})
        node = self.start(None, "--params-file", overrides)
        self.assertNotEqual(self.wait_for_end(node), 0)
        for fact in ("qos_overrides./image.subscription.reliability", "best_effort", "maybe"):
            self.assertIn(fact, node.log)


class Silence(NodeTest):
    def test_the_log_says_what_the_node_waits_for(self):
        node = self.active()
        self.wait_for_word(node, "sensor_msgs/msg/Image", "/image", "best_effort")

    def test_without_a_publisher_the_log_says_so(self):
        node = self.active(SOON)
        self.wait_for_word(node, "WARN", "/image", "no publisher")

    def test_a_publisher_of_incompatible_quality_is_named_with_the_policy(self):
        reliable = self.parameter_file(
            {"qos_overrides": {"/image": {"subscription": {"reliability": "reliable"}}}, "no_frame_s": 2.0}
        )
        camera = self.camera(qos=BEST_EFFORT)
        node = self.active(None, "--params-file", reliable)

        def warned():
            return node.said("WARN", "/peer", "/image", "reliab")

        camera.feed(warned, "a warning")
        self.assertEqual(len(node.said("WARN", "/image")), 1, node.log)

    def test_a_publisher_of_another_type_is_named_with_both_types(self):
        publisher = self.peer.create_publisher(String, "/image", 10)
        node = self.active({"no_frame_s": 2.0})
        publisher.publish(String(data="no picture"))
        self.wait_for_word(node, "WARN", "/peer", "std_msgs/msg/String", "sensor_msgs/msg/Image")

    def test_a_publisher_that_sends_nothing_is_named(self):
        self.camera()
        node = self.active({"no_frame_s": 2.0})
        self.wait_for_word(node, "WARN", "/peer", "nothing")

    def test_frames_without_the_calibration_that_somebody_wants_are_told_of_once(self):
        node = self.active(SOON)
        masks = self.listen("/itnet/mask")
        self.listen("/itnet/camera_info", CameraInfo)

        def warned():
            return node.said("WARN", "no calibration on /camera_info", "no publisher")

        self.camera().feed(lambda: warned() and len(masks) > 20, "a warning and frames after it")
        self.assertEqual(len(warned()), 1, node.log)

    def test_a_silent_camera_is_in_the_diagnostics(self):
        self.active(SOON)
        told = self.listen("/diagnostics", DiagnosticArray)

        def warned():
            every = [status for message in told for status in message.status]
            return [s for s in every if "camera" in s.name and s.level != b"\x00" and "no publisher" in s.message]

        self.wait(warned, "a warning in the diagnostics")
