"""How it starts and ends: signals, arguments, names."""

import signal
import unittest

from process import MODEL, finished, program
from harness import NodeTest


class Signals(NodeTest):
    def ends(self, which, node):
        node.send(which)
        self.assertEqual(self.wait_for_end(node), 0)
        self.assertNotIn("panicked", node.log)

    def test_sigint_ends_an_active_node_with_0(self):
        node = self.active()
        masks = self.listen("/itnet/mask")
        self.camera().feed(lambda: masks, "a mask")
        self.ends(signal.SIGINT, node)

    def test_sigterm_ends_an_active_node_with_0(self):
        self.ends(signal.SIGTERM, self.active())

    def test_sighup_ends_a_node_unless_it_was_started_to_ignore_it(self):
        # The tests may run below nohup themselves.
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))
        self.ends(signal.SIGHUP, self.active())
        self.programs.clear()
        node = self.launch(["nohup", program("itnet_node"), "--ros-args", "-p", f"model:={MODEL}"])
        self.wait_for_state("active")
        masks = self.listen("/itnet/mask")
        node.send(signal.SIGHUP)
        self.camera().feed(lambda: len(masks) > 10, "masks after the signal")
        self.ends(signal.SIGTERM, node)

    def test_a_signal_ends_a_node_that_is_still_loading(self):
        node = self.start()
        self.wait_for_state("configuring")
        self.ends(signal.SIGINT, node)

    def test_a_signal_ends_a_managed_node(self):
        node = self.start({"autostart": False})
        self.wait_for_state("unconfigured")
        self.ends(signal.SIGTERM, node)


class Arguments(NodeTest):
    def fails(self, facts, *arguments):
        code, said = finished([program("itnet_node"), *arguments], self.environment())
        self.assertNotIn(code, (0, 101, -6), said)
        self.assertNotIn("panicked", said)
        for fact in facts:
            self.assertIn(fact, said)

    def test_help_and_version_need_no_ros(self):
        code, said = finished([program("itnet_node"), "--help"], self.environment())
        self.assertEqual((code, "--ros-args" in said), (0, True), said)
        code, said = finished([program("itnet_node"), "--version"], self.environment())
        self.assertEqual(code, 0, said)

    def test_a_wrong_argument_is_named(self):
        self.fails(["--fast"], "--fast")

    def test_a_wrong_ros_argument_is_named(self):
        self.fails(["--no-such-thing"], "--ros-args", "--no-such-thing")

    def test_a_wrong_remap_rule_is_named(self):
        self.fails(["image:=a b"], "--ros-args", "-r", "image:=a b")

    def test_a_parameter_file_that_is_not_there_is_named(self):
        self.fails(["/nowhere/itnet.yaml"], "--ros-args", "--params-file", "/nowhere/itnet.yaml")

    def test_a_parameter_file_that_is_none_is_named(self):
        path = self.scratch / "broken.yaml"
        path.write_text("/**:\n  ros__parameters: [what\n")
        self.fails([str(path)], "--ros-args", "--params-file", str(path))

    def test_a_wrong_value_is_named_with_its_range(self):
        self.fails(["budget_ms", "0.1", "10000", "-1"], "--ros-args", "-p", "budget_ms:=-1.0")
        self.fails(["publish", "progressive", "sometimes"], "--ros-args", "-p", "publish:=sometimes")
        self.fails(["threads", "whole number"], "--ros-args", "-p", "threads:=many")

    def test_a_log_level_is_obeyed(self):
        node = self.start(None, "--log-level", "error")
        self.wait_for_state("active")
        self.assertEqual(node.said("INFO"), [])

    def test_a_log_level_that_is_none_is_named(self):
        self.fails(["loud"], "--ros-args", "--log-level", "loud")


class Names(NodeTest):
    def test_outputs_are_remapped(self):
        self.active(
            None,
            *("-r", "~/mask:=/segmentation/mask"),
            *("-r", "~/confidence:=/segmentation/confidence"),
            *("-r", "~/label_info:=/segmentation/label_info"),
        )
        masks, confidences = self.listen("/segmentation/mask"), self.listen("/segmentation/confidence")
        self.camera().feed(lambda: masks and confidences, "masks under other names")
        self.assertEqual(self.peer.count_publishers("/itnet/mask"), 0)

    def test_inputs_are_remapped_with_their_calibration(self):
        self.active(None, "-r", "image:=/front/image_raw")
        masks = self.listen("/itnet/mask")
        self.wait(lambda: self.peer.count_subscribers("/front/camera_info"), "a subscription of the calibration")
        self.camera("/front/image_raw").feed(lambda: masks, "a mask")

    def test_a_rule_for_the_calibration_is_followed(self):
        self.active(None, "-r", "image:=/front/image_raw", "-r", "camera_info:=/calibrated/camera_info")
        self.wait(lambda: self.peer.count_subscribers("/calibrated/camera_info"), "a subscription of the calibration")
        self.assertEqual(self.peer.count_subscribers("/front/camera_info"), 0)

    def test_a_namespace_moves_everything_but_what_is_for_all(self):
        self.active(None, "-r", "__ns:=/robot", "-r", "__node:=eye", node="/robot/eye")
        masks = self.listen("/robot/eye/mask")
        self.camera("/robot/image").feed(lambda: masks, "a mask")
        self.assertTrue(self.set("/robot/eye", budget_ms=9.0)[0].successful)
        for topic in ("/diagnostics", "/parameter_events"):
            self.wait(lambda: self.peer.count_publishers(topic), topic)

    def test_two_nodes_live_side_by_side(self):
        self.active(None, "-r", "__ns:=/one", node="/one/itnet")
        self.active(None, "-r", "__ns:=/two", node="/two/itnet")
        masks = self.listen("/one/itnet/mask"), self.listen("/two/itnet/mask")
        one, two = self.camera("/one/image"), self.camera("/two/image")
        one.feed(lambda: all(masks), "masks of both", each=lambda test, it: two.send())

    def test_the_graph_knows_the_node_by_its_name(self):
        self.start({"autostart": False}, "-r", "__node:=eye")
        self.wait_for_state("unconfigured", "/eye")
        self.assertEqual([name for name in self.peer.get_node_names() if name != "peer"], ["eye"])


if __name__ == "__main__":
    unittest.main()
