"""Parameter files: what one node dumps, another node and replay load."""

import unittest

from process import REPOSITORY, SHARED, finished, program
from harness import NodeTest

try:
    import yaml
except ImportError:
    yaml = None


class ParameterFiles(NodeTest):
    def dump(self):
        code, text = self.ros2("param", "dump", "--no-daemon", "/itnet")
        self.assertEqual(code, 0, text)
        path = self.scratch / "dump.yaml"
        path.write_text(text)
        return path, text

    def start_from(self, path):
        started = self.launch([program("itnet_node"), "--ros-args", "--params-file", str(path)])
        self.wait_for_state("unconfigured")
        return started

    def test_a_file_that_other_nodes_share_starts_the_node(self):
        path = self.scratch / "robot.yaml"
        path.write_text(
            "/**:\n  ros__parameters: {autostart: false}\n"
            "/controller:\n  ros__parameters: {limit: .inf, seed: 18446744073709551615}\n"
            "/**:\n  ros__parameters: {budget_ms: 12.5}\n"
        )
        self.start_from(path)
        code, said = self.ros2("param", "get", "--no-daemon", "/itnet", "budget_ms")
        self.assertEqual((code, said), (0, "Double value is: 12.5\n"))

    def test_a_dump_loads_back_into_the_node(self):
        first = self.start(
            {
                "autostart": False,
                "budget_ms": 12.5,
                "iterations.max": 3,
                "cameras": ["front", "rear"],
                "front.topic": "/front/image",
                "front.budget_ms": 20.0,
                "rear.topic": "/rear/image",
                "class_remap": [3, 2, 1],
            }
        )
        self.wait_for_state("unconfigured")
        path, dumped = self.dump()
        self.assertIn("budget_ms: 12.5", dumped)
        first.end()
        self.programs.clear()
        self.start_from(path)
        self.assertEqual(self.dump()[1], dumped)

    def test_a_dump_of_the_defaults_loads_back_without_a_warning(self):
        first = self.start({"autostart": False})
        self.wait_for_state("unconfigured")
        path, dumped = self.dump()
        first.end()
        self.programs.clear()
        second = self.start_from(path)
        self.assertEqual(self.dump()[1], dumped)
        self.assertEqual(second.said("WARN"), [])

    def test_a_dump_is_a_parameter_file_of_replay(self):
        bag = SHARED / "bags" / "drive_raw_sqlite3"
        if not bag.exists():
            self.skipTest(f"{bag} is absent")
        self.start({"autostart": False, "budget_ms": 2000.0, "iterations.max": 2})
        self.wait_for_state("unconfigured")
        path, _ = self.dump()
        command = [program("itnet"), "replay", bag, "--out", self.scratch / "masks", "--params", path]
        code, said = finished(command, self.environment())
        self.assertEqual(code, 0, said)
        self.assertNotIn("warn", said.lower())

    def test_the_file_of_the_project_loads_without_a_warning(self):
        node = self.launch(
            [program("itnet_node"), "--ros-args", "--params-file", REPOSITORY / "config" / "itnet.yaml"]
        )
        self.wait_for_state("active")
        self.assertEqual(node.said("WARN"), [])

    def test_files_are_for_nodes_by_name(self):
        node = self.start({"autostart": False}, "--params-file", self.parameter_file({"budget_ms": 9.0}, "/other"))
        self.wait_for_state("unconfigured")
        _, said = self.ros2("param", "get", "--no-daemon", "/itnet", "budget_ms")
        self.assertIn("33.0", said)
        self.assertEqual(node.said("WARN"), [])

    def test_the_tool_shows_text_and_range(self):
        self.start({"autostart": False})
        self.wait_for_state("unconfigured")
        code, said = self.ros2("param", "describe", "--no-daemon", "/itnet", "budget_ms", "model")
        self.assertEqual(code, 0, said)
        for fact in ("Type: double", "milliseconds", "Min value: 0.1", "Max value: 10000.0", "Read only: true"):
            self.assertIn(fact, said)
        code, said = self.ros2("param", "list", "--no-daemon", "/itnet")
        self.assertEqual(code, 0, said)
        for name in ("budget_ms", "iterations.max", "diagnostics.hardware_id"):
            self.assertIn(name, said)

    @unittest.skipIf(yaml is None, "no yaml module")
    def test_a_dump_is_under_the_full_name_of_the_node(self):
        self.start({"autostart": False}, "-r", "__ns:=/robot")
        self.wait_for_state("unconfigured", "/robot/itnet")
        _, text = self.ros2("param", "dump", "--no-daemon", "/robot/itnet")
        self.assertEqual(list(yaml.safe_load(text)), ["/robot/itnet"])
