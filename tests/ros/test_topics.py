"""Topics of one camera: what is published, under which header, of which size."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from statistics_msgs.msg import MetricsMessage

import frames
from harness import NodeTest, Number

try:
    from vision_msgs.msg import LabelInfo
except ImportError:
    LabelInfo = None

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Topics(NodeTest):
    def test_a_mask_bears_the_header_of_its_frame(self):
        self.active()
        masks, confidences = self.listen("/itnet/mask"), self.listen("/itnet/confidence")
        camera = self.camera(frame_id="front_lens")
        camera.feed(lambda: len(masks) >= 3 and len(confidences) >= 3, "three masks")
        heads = [frames.key(mask.header) for mask in masks]
        self.assertEqual(heads, sorted(set(heads)))
        self.assertLessEqual(set(heads), set(camera.sent))
        self.assertLessEqual({frames.key(each.header) for each in confidences}, set(camera.sent))

    def test_mask_and_confidence_have_a_byte_for_each_pixel_of_the_frame(self):
        self.active()
        masks, confidences = self.listen("/itnet/mask"), self.listen("/itnet/confidence")
        self.camera(size=(65, 43)).feed(lambda: masks and confidences, "a mask")
        for message in (masks[0], confidences[0]):
            self.assertEqual((message.width, message.height, message.step), (65, 43, 65))
            self.assertEqual((message.encoding, message.is_bigendian, len(message.data)), ("mono8", 0, 65 * 43))
        self.assertLess(int(frames.plane(masks[0]).max()), 11)
        self.assertGreater(int(frames.plane(confidences[0]).max()), 0)

    def test_the_calibration_of_a_mask_of_the_frames_size_is_that_of_the_camera(self):
        self.active()
        masks, infos = self.listen("/itnet/mask"), self.listen("/itnet/camera_info", CameraInfo)
        self.feed_with_calibration(lambda: masks and infos)
        sent = frames.calibration(infos[0].header)
        self.assertEqual(infos[0], sent)

    def test_the_calibration_is_scaled_to_a_mask_of_the_networks_size(self):
        self.active({"mask_size": "network"})
        masks, infos = self.listen("/itnet/mask"), self.listen("/itnet/camera_info", CameraInfo)
        camera = self.feed_with_calibration(lambda: masks and infos)
        self.assertEqual((masks[0].width, masks[0].height, masks[0].step), (480, 360, 480))
        info, sent = infos[0], frames.calibration(infos[0].header)
        self.assertIn(frames.key(info.header), camera.sent)
        self.assertEqual((info.width, info.height), (480, 360))
        x, y = 480 / 64, 360 / 48
        np.testing.assert_allclose(info.k, sent.k * np.array([x, 1, x, 1, y, y, 1, 1, 1]))
        np.testing.assert_allclose(info.p, sent.p * np.array([x, 1, x, x, 1, y, y, 1, 1, 1, 1, 1]))
        self.assertEqual((info.d, info.distortion_model), (sent.d, sent.distortion_model))

    def feed_with_calibration(self, until):
        publisher = self.peer.create_publisher(CameraInfo, "/camera_info", 10)

        def both(test, camera):
            publisher.publish(frames.calibration(frames.header(len(camera.sent) - 1)))

        camera = self.camera()
        camera.feed(until, "a mask and its calibration", each=both)
        return camera

    def test_a_late_subscriber_learns_what_the_numbers_mean(self):
        if LabelInfo is None:
            self.skipTest("vision_msgs is not installed")
        self.active()
        labels = self.listen("/itnet/label_info", LabelInfo, LATCHED)
        self.wait(lambda: labels, "the labels")
        names = {each.class_id: each.class_name for each in labels[0].class_map}
        self.assertEqual((len(names), names[0]), (11, "sky"))

    def test_who_knows_what_the_numbers_mean_is_not_told_again(self):
        if LabelInfo is None:
            self.skipTest("vision_msgs is not installed")
        self.active()
        labels, told = self.listen("/itnet/label_info", LabelInfo, LATCHED), self.listen("/diagnostics", DiagnosticArray)
        self.wait(lambda: labels and len(told) >= 4, "the labels, and some seconds")
        # What was kept, and what a new subscriber is sent.
        self.assertLessEqual(len(labels), 2)

    def test_each_frame_has_its_values_under_its_header(self):
        self.active({"budget_ms": 250.0})
        told = self.listen("/itnet/debug/frame", DiagnosticArray)
        names = ["processing_time_ms", "pipeline_latency_ms", "budget_ms", "exit", "iterations", "warm"]
        numbers = {name: self.listen(f"/itnet/debug/{name}", Number) for name in names}
        camera = self.camera()
        camera.feed(lambda: len(told) >= 2 and all(numbers.values()), "all values of a frame")
        self.assertIn(frames.key(told[0].header), camera.sent)
        values = {value.key: value.value for value in told[0].status[0].values}
        keys = {"exit", "iterations_run", "stop_cause", "budget_ms", "elapsed_ms", "age_ms"}
        self.assertLessEqual(keys, set(values))
        self.assertEqual(float(values["budget_ms"]), 250.0)
        self.assertEqual(numbers["budget_ms"][0].data, 250.0)
        self.assertGreaterEqual(numbers["exit"][0].data, 1.0)
        self.assertGreater(numbers["processing_time_ms"][0].data, 0.0)
        self.assertEqual(numbers["warm"][0].data, 0.0)
        stamps = {sent[:2] for sent in camera.sent}
        for name, told in numbers.items():
            if hasattr(told[0], "stamp"):
                stamp = told[0].stamp
                self.assertIn((stamp.sec, stamp.nanosec), stamps, name)

    def test_the_diagnostics_tell_of_camera_deadline_and_network_with_a_hardware_id(self):
        self.active()
        told, masks = self.listen("/diagnostics", DiagnosticArray), self.listen("/itnet/mask")
        names = ("itnet: deadline", "itnet: camera", "itnet: network")

        def statuses():
            return [status for message in told for status in message.status]

        self.camera().feed(
            lambda: masks and all(any(name in each.name for each in statuses()) for name in names), "all statuses"
        )
        self.assertTrue(all(each.hardware_id for each in statuses()))

    def test_the_statistics_are_finite_milliseconds_of_about_a_second(self):
        self.active()
        told = self.listen("/statistics", MetricsMessage)
        self.camera().feed(lambda: any(each.unit == "ms" for each in told), "statistics in milliseconds")
        for each in told:
            self.assertTrue(np.isfinite([point.data for point in each.statistics]).all(), each)
            start, stop = each.window_start, each.window_stop
            self.assertGreater((stop.sec, stop.nanosec), (start.sec, start.nanosec))

    def test_quality_of_service_is_sensor_data_in_and_reliable_out(self):
        self.active()
        best_effort, reliable = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
        for topic in ("/image", "/camera_info"):
            ends = self.wait(lambda: self.peer.get_subscriptions_info_by_topic(topic), f"a subscription of {topic}")
            self.assertEqual(ends[0].qos_profile.reliability, best_effort, topic)
        for topic in ("mask", "confidence", "camera_info", "overlay", "mask/compressed", "debug/frame"):
            ends = self.wait(lambda: self.peer.get_publishers_info_by_topic(f"/itnet/{topic}"), f"a publisher of {topic}")
            profile = ends[0].qos_profile
            self.assertEqual((profile.reliability, profile.durability), (reliable, DurabilityPolicy.VOLATILE), topic)
        if LabelInfo is not None:
            profile = self.peer.get_publishers_info_by_topic("/itnet/label_info")[0].qos_profile
            self.assertEqual((profile.reliability, profile.durability), (reliable, DurabilityPolicy.TRANSIENT_LOCAL))

    def test_every_topic_has_the_type_that_it_is_said_to_have(self):
        self.active()
        expected = {
            "/image": Image,
            "/camera_info": CameraInfo,
            "/itnet/mask": Image,
            "/itnet/confidence": Image,
            "/itnet/overlay": Image,
            "/itnet/camera_info": CameraInfo,
            "/itnet/mask/compressed": CompressedImage,
            "/itnet/debug/frame": DiagnosticArray,
            "/diagnostics": DiagnosticArray,
            "/statistics": MetricsMessage,
        }

        def known():
            return dict(self.peer.get_topic_names_and_types())

        self.wait(lambda: set(expected) <= set(known()), "all topics")
        for topic, kind in expected.items():
            package = kind.__module__.split(".")[0]
            self.assertEqual(known()[topic], [f"{package}/msg/{kind.__name__}"], topic)
