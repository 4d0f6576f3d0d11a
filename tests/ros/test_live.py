"""Parameters that change while frames run."""

from diagnostic_msgs.msg import DiagnosticArray

from harness import NodeTest
from process import MODEL


class Live(NodeTest):
    def setUp(self):
        super().setUp()
        self.told = self.listen("/itnet/debug/frame", DiagnosticArray)

    def exits(self, budget_ms):
        """The exits of the frames that had this budget."""
        all_values = [{value.key: value.value for value in each.status[0].values} for each in self.told]
        return [int(values["exit"]) for values in all_values if float(values["budget_ms"]) == budget_ms]

    def test_a_short_budget_moves_the_exits_to_the_front_and_a_long_one_back(self):
        self.active({"budget_ms": 2000.0})
        camera = self.camera()
        camera.feed(lambda: max(self.exits(2000.0), default=0) >= 3, "a late exit")
        self.assertTrue(self.set(budget_ms=1)[0].successful)
        camera.feed(lambda: len(self.exits(1.0)) >= 5, "frames with a short budget")
        self.assertEqual(set(self.exits(1.0)), {1})
        self.assertTrue(self.set(budget_ms=1999.0)[0].successful)
        camera.feed(lambda: max(self.exits(1999.0), default=0) >= 3, "a late exit again")

    def test_the_command_line_tool_does_the_same_and_is_refused_the_same(self):
        self.active({"budget_ms": 2000.0})
        camera = self.camera()
        camera.feed(lambda: max(self.exits(2000.0), default=0) >= 3, "a late exit")
        code, said = self.ros2("param", "set", "--no-daemon", "/itnet", "budget_ms", "1.0")
        self.assertEqual((code, "Set parameter successful" in said), (0, True), said)
        camera.feed(lambda: len(self.exits(1.0)) >= 5, "frames with a short budget")
        self.assertEqual(set(self.exits(1.0)), {1})
        for wrong in ("-1.0", "abc"):
            _, said = self.ros2("param", "set", "--no-daemon", "/itnet", "budget_ms", wrong)
            for fact in ("failed", "budget_ms", "0.1 to 10000", wrong.removesuffix(".0")):
                self.assertIn(fact, said)
        code, said = self.ros2("param", "get", "--no-daemon", "/itnet", "budget_ms")
        self.assertEqual((code, said.strip()), (0, "Double value is: 1.0"))

    def test_iterations_are_limited_from_the_next_frame_on(self):
        self.active({"budget_ms": 2000.0})
        camera = self.camera()
        camera.feed(lambda: max(self.exits(2000.0), default=0) >= 3, "a late exit")
        results = self.set(iterations__max=2, budget_ms=1999.0)
        self.assertTrue(all(result.successful for result in results), results)
        camera.feed(lambda: len(self.exits(1999.0)) >= 4, "frames with few iterations")
        self.assertLessEqual(max(self.exits(1999.0)), 2)

    def test_frames_start_warm_and_cold_as_the_parameter_says(self):
        offering = str(MODEL.with_name("itnet-m"))
        self.active({"model": offering, "budget_ms": 2000.0, "iterations.max": 1})
        camera = self.camera()

        def starts():
            values = [{value.key: value.value for value in each.status[0].values} for each in self.told]
            return [(each["start"], each["cold_cause"]) for each in values]

        camera.feed(lambda: ("cold", "off") in starts(), "a cold frame", hz=3.0)
        self.assertEqual(set(starts()), {("cold", "off")})
        self.assertTrue(self.set(warm_start=True)[0].successful)
        camera.feed(lambda: ("warm", "none") in starts(), "a warm frame", hz=3.0)
        self.assertIn(("cold", "first_frame"), starts())
        self.assertTrue(self.set(warm_start=False)[0].successful)
        self.told.clear()
        camera.feed(lambda: ("cold", "off") in starts(), "a cold frame again", hz=3.0)
