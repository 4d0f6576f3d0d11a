"""ROS time from /clock: for ages and stamps of reports, never for deadlines."""

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

import frames
from harness import NodeTest, Number


class SimTime(NodeTest):
    def setUp(self):
        super().setUp()
        self.clock = self.peer.create_publisher(Clock, "/clock", QoSProfile(depth=10))
        self.now = 1000.0

    def tick(self, test, camera):
        self.now += 0.01
        self.clock.publish(Clock(clock=self.stamp(self.now)))

    def stamp(self, seconds):
        return Time(sec=int(seconds), nanosec=int(seconds % 1 * 1e9))

    def behind(self, head):
        """A frame that was taken a quarter of a second ago."""
        head.stamp = self.stamp(self.now - 0.25)
        return frames.image(head)

    def test_ages_and_reports_are_in_the_time_of_the_clock(self):
        self.active({"use_sim_time": True})
        ages = self.listen("/itnet/debug/pipeline_latency_ms", Number)
        told = self.listen("/diagnostics", DiagnosticArray)
        camera = self.camera(make=self.behind)

        def fits():
            aged = [age for age in ages if 200.0 <= age.data < 60_000.0]
            return aged and any(1000 <= each.header.stamp.sec < 2000 for each in told)

        camera.feed(fits, "ages and reports in the clock's time", each=self.tick)

    def test_masks_go_on_when_the_clock_jumps_back(self):
        node = self.active({"use_sim_time": True})
        masks = self.listen("/itnet/mask")
        camera = self.camera(make=self.behind)
        camera.feed(lambda: masks, "a mask", each=self.tick)
        self.now = 500.0

        def again():
            return [mask for mask in masks if 499 <= mask.header.stamp.sec < 900]

        camera.feed(lambda: len(again()) >= 3, "masks after the jump", each=self.tick)
        told = self.listen("/diagnostics", DiagnosticArray)
        camera.feed(lambda: told and told[-1].header.stamp.sec < 900, "reports after the jump", each=self.tick)
        self.assertEqual(node.said("WARN"), [])

    def test_masks_go_on_when_the_clock_leaps_ahead(self):
        node = self.active({"use_sim_time": True})
        masks = self.listen("/itnet/mask")
        camera = self.camera(make=self.behind)
        camera.feed(lambda: masks, "a mask", each=self.tick)
        self.now = 2_000_000_000.0

        def later():
            return [mask for mask in masks if mask.header.stamp.sec > 1_900_000_000]

        camera.feed(lambda: len(later()) >= 3, "masks after the leap", each=self.tick)
        self.assertEqual(node.said("WARN"), [])

    def test_masks_come_without_any_clock(self):
        self.active({"use_sim_time": True})
        masks = self.listen("/itnet/mask")
        self.camera().feed(lambda: masks, "a mask")

    def test_sim_time_is_switched_on_and_off_while_it_runs(self):
        self.active()
        told = self.listen("/diagnostics", DiagnosticArray)
        camera = self.camera()
        camera.feed(lambda: told and told[-1].header.stamp.sec > 2000, "reports in the machine's time", each=self.tick)
        self.assertTrue(self.set(use_sim_time=True)[0].successful)
        camera.feed(lambda: told[-1].header.stamp.sec < 2000, "reports in the clock's time", each=self.tick)
        self.assertTrue(self.set(use_sim_time=False)[0].successful)
        camera.feed(lambda: told[-1].header.stamp.sec > 2000, "reports in the machine's time", each=self.tick)
