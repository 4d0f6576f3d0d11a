"""The managed node, driven from outside as lifecycle managers do."""

import shutil
import signal

from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import GetAvailableStates, GetAvailableTransitions

from harness import NodeTest
from process import MODEL

MANAGED = {"autostart": False}


class Lifecycle(NodeTest):
    def transitions(self, service="get_available_transitions"):
        answer = self.call(GetAvailableTransitions, f"/itnet/{service}").available_transitions
        return [(each.transition.id, each.transition.label, each.goal_state.label) for each in answer]

    def test_a_node_that_starts_by_itself_becomes_active(self):
        self.active()

    def test_a_managed_node_waits_unconfigured(self):
        node = self.start(MANAGED)
        self.wait_for_state("unconfigured")
        self.assertEqual(self.transitions(), [(1, "configure", "configuring"), (5, "shutdown", "shuttingdown")])
        self.wait_for_word(node, "unconfigured")

    def test_all_ways_there_and_back(self):
        self.start(MANAGED)
        masks, camera = self.listen("/itnet/mask"), self.camera()
        self.wait_for_state("unconfigured")
        for _ in range(2):
            self.assertTrue(self.change("configure"))
            self.assertEqual(self.state(), "inactive")
            self.assertEqual([number for number, _, _ in self.transitions()], [2, 3, 6])
            for _ in range(2):
                self.assertTrue(self.change("activate"))
                self.assertEqual(self.state(), "active")
                before = len(masks)
                camera.feed(lambda: len(masks) > before, "a mask while active")
                self.assertTrue(self.change("deactivate"))
                self.assertEqual(self.state(), "inactive")
                # The subscription is let go of when the next frame comes.
                camera.feed(lambda: self.peer.count_subscribers("/image") == 0, "nobody to subscribe")
            self.assertTrue(self.change("cleanup"))
            self.assertEqual(self.state(), "unconfigured")
            self.wait(lambda: self.peer.count_publishers("/itnet/mask") == 0, "nobody to publish masks")

    def test_an_inactive_node_publishes_no_mask(self):
        self.active()
        masks, camera = self.listen("/itnet/mask"), self.camera()
        camera.feed(lambda: masks, "a mask")
        self.assertTrue(self.change("deactivate"))
        since = len(camera.sent)
        told = self.diagnostics()
        camera.feed(lambda: len(camera.sent) > since + 10 and told("itnet"), "frames to pass by")
        heads = [(mask.header.stamp.sec, mask.header.stamp.nanosec, mask.header.frame_id) for mask in masks]
        self.assertFalse(set(heads) & set(camera.sent[since:]))
        self.assertTrue(self.change("activate"))
        before = len(masks)
        camera.feed(lambda: len(masks) > before, "a mask again")

    def test_subscriptions_of_silent_topics_do_not_pile_up(self):
        self.start(MANAGED)
        self.wait_for_state("unconfigured")
        for _ in range(4):
            for label in ("configure", "activate", "deactivate", "cleanup"):
                self.assertTrue(self.change(label), label)
        self.assertTrue(self.change("configure"))
        self.assertTrue(self.change("activate"))
        for topic in ("/image", "/camera_info"):
            self.wait(lambda: self.peer.count_subscribers(topic) == 1, f"one subscription of {topic}")

    def test_transitions_are_asked_for_by_number_too(self):
        self.start(MANAGED)
        self.wait_for_state("unconfigured")
        for number, state in ((1, "inactive"), (3, "active"), (4, "inactive"), (2, "unconfigured")):
            self.assertTrue(self.change(number=number), number)
            self.assertEqual(self.state(), state)

    def test_what_does_not_lead_on_from_here_is_refused_and_changes_nothing(self):
        node = self.start(MANAGED)
        self.wait_for_state("unconfigured")
        for label in ("activate", "deactivate", "cleanup", "fly", "transition_success"):
            self.assertFalse(self.change(label), label)
            self.assertEqual(self.state(), "unconfigured")
        for number in (3, 10, 99):
            self.assertFalse(self.change(number=number), number)
        self.wait_for_word(node, "WARN", "activate", "refused", "unconfigured", "configure")
        self.assertTrue(self.change("configure"))
        self.assertFalse(self.change("configure"))
        self.assertFalse(self.change("deactivate"))
        self.assertEqual(self.state(), "inactive")

    def test_every_transition_is_told_as_an_event(self):
        events = self.listen("/itnet/transition_event", TransitionEvent)
        self.start(MANAGED)
        self.wait_for_state("unconfigured")
        self.wait(lambda: self.peer.count_publishers("/itnet/transition_event"), "a publisher of events")
        self.change("configure")
        self.change("activate")
        self.change("deactivate")
        self.wait(lambda: len(events) >= 6, "six events")
        told = [(each.transition.label, each.start_state.label, each.goal_state.label) for each in events]
        success = "transition_success"
        self.assertEqual(
            told,
            [
                ("configure", "unconfigured", "configuring"),
                (success, "configuring", "inactive"),
                ("activate", "inactive", "activating"),
                (success, "activating", "active"),
                ("deactivate", "active", "deactivating"),
                (success, "deactivating", "inactive"),
            ],
        )

    def test_states_and_the_whole_graph_are_those_of_every_managed_node(self):
        self.start(MANAGED)
        self.wait_for_state("unconfigured")
        states = {each.label: each.id for each in self.call(GetAvailableStates, "/itnet/get_available_states").available_states}
        expected = {"unknown": 0, "unconfigured": 1, "inactive": 2, "active": 3, "finalized": 4, "configuring": 10}
        self.assertEqual(states, {**states, **expected})
        self.assertEqual(len(states), 11)
        graph = self.transitions("get_transition_graph")
        self.assertEqual(len(graph), 25)
        self.assertIn((30, "transition_success", "active"), graph)

    def test_it_is_shut_down_from_any_state_and_answers_until_a_signal_ends_it(self):
        for steps in ((), ("configure",), ("configure", "activate")):
            with self.subTest(steps=steps):
                node = self.start(MANAGED)
                self.wait_for_state("unconfigured")
                for step in steps:
                    self.assertTrue(self.change(step))
                self.assertTrue(self.change("shutdown"))
                self.wait_for_state("finalized")
                node.send(signal.SIGINT)
                self.assertEqual(self.wait_for_end(node), 0)
                self.programs.clear()
                self.clients.clear()

    def test_the_command_line_tool_drives_it(self):
        self.start(MANAGED)
        self.wait_for_state("unconfigured")

        def tool(*arguments):
            return self.ros2("lifecycle", *arguments)

        self.assertIn("/itnet", tool("nodes", "--no-daemon", "--spin-time", "5")[1].split())
        self.assertIn("configure [1]", tool("list", "--no-daemon", "/itnet")[1])
        self.assertEqual(tool("set", "--no-daemon", "/itnet", "configure"), (0, "Transitioning successful\n"))
        self.assertEqual(tool("get", "--no-daemon", "/itnet"), (0, "inactive [2]\n"))
        code, said = tool("set", "--no-daemon", "/itnet", "deactivate")
        self.assertTrue(code != 0 or "Unknown transition" in said or "failed" in said, said)
        self.assertEqual(tool("set", "--no-daemon", "/itnet", "activate"), (0, "Transitioning successful\n"))
        self.assertEqual(tool("get", "--no-daemon", "/itnet"), (0, "active [3]\n"))


class Bundles(NodeTest):
    def broken(self):
        """A copy of the bundle with a graph that its hash does not fit."""
        folder = self.scratch / "bundle"
        shutil.copytree(MODEL, folder)
        (folder / "exit.onnx").write_bytes(b"no graph")
        return folder

    def test_a_broken_bundle_leaves_the_node_unconfigured_with_the_reason(self):
        folder = self.broken()
        node = self.start({"model": str(folder)})
        self.wait_for_word(node, "ERROR", str(folder / "exit.onnx"))
        self.wait_for_state("unconfigured")

    def test_a_node_that_starts_by_itself_does_so_once_its_bundle_is_whole(self):
        folder = self.broken()
        node = self.start({"model": str(folder)})
        self.wait_for_word(node, "started again in")
        shutil.copy(MODEL / "exit.onnx", folder / "exit.onnx")
        self.wait_for_state("active")

    def test_a_bundle_that_is_not_there_is_named(self):
        node = self.start({"model": "/nowhere/at/all"})
        self.wait_for_word(node, "ERROR", "/nowhere/at/all")
        self.wait_for_state("unconfigured")

    def test_a_failed_configure_is_answered_and_the_next_one_may_succeed(self):
        folder = self.broken()
        node = self.start({"model": str(folder), **MANAGED})
        self.wait_for_state("unconfigured")
        events = self.listen("/itnet/transition_event", TransitionEvent)
        self.wait(lambda: self.peer.count_publishers("/itnet/transition_event"), "a publisher of events")
        self.assertFalse(self.change("configure"))
        self.assertEqual(self.state(), "unconfigured")
        self.wait_for_word(node, "ERROR", "exit.onnx")
        self.wait(lambda: any(each.transition.label == "transition_failure" for each in events), "the failure")
        shutil.copy(MODEL / "exit.onnx", folder / "exit.onnx")
        self.assertTrue(self.change("configure"))
        self.assertEqual(self.state(), "inactive")
