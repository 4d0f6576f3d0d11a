"""Cameras that misbehave: the node goes on."""

import frames
from harness import NodeTest


class Faults(NodeTest):
    def setUp(self):
        super().setUp()
        self.masks, self.told = self.listen("/itnet/mask"), self.diagnostics()

    def count(self, name):
        return int(self.told("itnet: camera").get(name, 0))

    def fresh(self, camera, fits=lambda mask: True):
        """Feeds until there is a mask of a frame that is sent from now on."""
        since = len(camera.sent)

        def masks():
            return [mask for mask in self.masks if frames.key(mask.header) in camera.sent[since:] and fits(mask)]

        camera.feed(masks, "a mask of a new frame")
        return masks()[-1]

    def survives(self, word, spoil):
        """Sends spoiled frames among good ones: they are counted, warned of once, and give no mask."""
        node = self.active()
        camera = self.camera()
        self.fresh(camera)
        spoiled = []

        def one(test, it):
            message = frames.image(frames.header(len(it.sent), "spoiled"))
            spoil(message)
            spoiled.append(frames.key(message.header))
            it.send(message)

        camera.feed(lambda: self.count("failed_frames") >= 3, "failed frames in the diagnostics", each=one)
        self.fresh(camera)
        self.assertFalse({frames.key(mask.header) for mask in self.masks} & set(spoiled))
        self.assertEqual(len(node.said("WARN", "/image", word)), 1, node.log)
        self.assertFalse(node.has_ended())

    def test_an_unknown_encoding_is_counted_and_warned_of_once(self):
        def spoil(message):
            message.encoding = "32FC7"

        self.survives("32FC7", spoil)

    def test_truncated_data_is_counted_and_warned_of_once(self):
        def spoil(message):
            message.data = message.data[:100]

        self.survives("100", spoil)

    def test_a_step_that_is_too_short_is_counted_and_warned_of_once(self):
        def spoil(message):
            message.step = 3

        self.survives("step", spoil)

    def test_a_frame_without_pixels_is_counted_and_warned_of_once(self):
        def spoil(message):
            message.width = message.height = message.step = 0
            message.data = message.data[:0]

        self.survives("0x0", spoil)

    def test_faults_of_another_kind_are_warned_of_too(self):
        node = self.active()
        camera = self.camera()

        def encoding(test, it):
            message = frames.image(frames.header(len(it.sent)))
            message.encoding = "32FC7"
            it.send(message)

        def data(test, it):
            message = frames.image(frames.header(len(it.sent)))
            message.data = message.data[:100]
            it.send(message)

        camera.feed(lambda: node.said("WARN", "32FC7"), "the first warning", each=encoding)
        camera.feed(lambda: node.said("WARN", "100"), "the second warning", each=data)

    def test_resolution_and_encoding_may_change_from_frame_to_frame(self):
        self.active()
        camera = self.camera()
        for size, encoding in (
            ((64, 48), "rgb8"),
            ((97, 31), "bgr8"),
            ((16, 16), "mono8"),
            ((64, 48), "bayer_rggb8"),
            ((320, 240), "bgra8"),
            ((48, 64), "yuv422_yuy2"),
        ):
            camera.size, camera.encoding = size, encoding
            mask = self.fresh(camera, lambda mask: (mask.width, mask.height) == size)
            self.assertEqual(len(mask.data), size[0] * size[1], encoding)

    def test_padded_rows_are_passed_over(self):
        self.active({"iterations.max": 1, "budget_ms": 2000.0})
        camera = self.camera()
        plain = frames.plane(self.fresh(camera))

        def padded(head):
            message = frames.image(head)
            rows = frames.pixels((64, 48), 3).reshape(48, -1)
            rows = frames.np.pad(rows, ((0, 0), (0, 10)), constant_values=77)
            message.step, message.data = 202, frames.array.array("B", rows.tobytes())
            return message

        camera.make = padded
        frames.np.testing.assert_array_equal(frames.plane(self.fresh(camera)), plain)

    def test_a_camera_that_stops_is_missed_and_welcomed_back(self):
        node = self.active({"no_frame_s": 1.0})
        camera = self.camera()
        self.fresh(camera)
        self.wait_for_word(node, "WARN", "/image", "no frame")
        self.fresh(camera)
        self.wait_for_word(node, "/image", "again")

    def test_a_camera_that_is_started_again_is_heard_again(self):
        node = self.active({"no_frame_s": 1.0})
        first = self.camera()
        self.fresh(first)
        self.peer.destroy_publisher(first.publisher)
        self.wait_for_word(node, "WARN", "/image", "no publisher")
        self.fresh(self.camera())

    def test_of_a_burst_the_newest_frame_has_its_mask_and_the_others_are_counted(self):
        self.active()
        camera = self.camera(qos=100)
        self.fresh(camera)
        last = []

        def burst(test, it):
            for _ in range(20):
                it.send()
            last.append(it.sent[-1])

        def newest():
            return {frames.key(mask.header) for mask in self.masks} & set(last)

        camera.feed(lambda: len(newest()) >= 2, "masks of the newest frames", hz=1.0, each=burst)
        heads = [frames.key(mask.header) for mask in self.masks]
        self.assertEqual(heads, sorted(set(heads)), "each frame once, in order")
        self.wait(lambda: self.count("dropped_frames") > 0, "dropped frames in the diagnostics")
        total = sum(self.count(f"{name}_frames") for name in ("published", "dropped", "failed"))
        self.assertEqual(total, self.count("received_frames"))

    def test_stamps_may_stand_still_or_jump_back(self):
        self.active()
        camera = self.camera()
        self.fresh(camera)
        old = [frames.header(-100_000 - i) for i in range(1000)]

        def backwards(head):
            return frames.image(old[len(camera.sent) % len(old)])

        camera.make = backwards
        past = set(map(frames.key, old))
        camera.feed(lambda: {frames.key(mask.header) for mask in self.masks} & past, "a mask of the past")
