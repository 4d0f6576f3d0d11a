"""What masks look like: sizes, encodings, class ids, pictures for people, and compressed images in."""

import numpy as np
from sensor_msgs.msg import CompressedImage

import frames
from harness import NodeTest

# One exit always: the same frame gives the same mask, whatever the time.
ONE_EXIT = {"iterations.max": 1, "budget_ms": 2000.0}


class Outputs(NodeTest):
    def first_after(self, inbox, camera, fits=lambda message: True):
        """The first message that fits of a frame that is sent from now on."""
        since = len(camera.sent)

        def fresh():
            return [each for each in inbox if frames.key(each.header) in camera.sent[since:] and fits(each)]

        camera.feed(fresh, "a message of a new frame")
        return fresh()[0]

    def test_a_mask_in_runs_is_the_same_mask(self):
        self.active(ONE_EXIT)
        masks, camera = self.listen("/itnet/mask"), self.camera()
        whole = frames.plane(self.first_after(masks, camera))
        self.assertTrue(self.set(mask_encoding="autoware_rle")[0].successful)
        runs = self.first_after(masks, camera, lambda mask: len(mask.data) != whole.size)
        np.testing.assert_array_equal(frames.from_runs(runs), whole)
        self.assertEqual((runs.encoding, runs.width, runs.height), ("mono8", 64, 48))

    def test_classes_are_published_under_the_ids_that_were_asked_for(self):
        self.active(ONE_EXIT)
        masks, camera = self.listen("/itnet/mask"), self.camera()
        before = frames.plane(self.first_after(masks, camera))
        ids = [100 + 3 * k for k in range(11)]
        (result,) = self.set(class_remap=ids)
        self.assertTrue(result.successful, result.reason)
        after = frames.plane(self.first_after(masks, camera, lambda mask: frames.plane(mask).min() >= 100))
        np.testing.assert_array_equal(after, np.array(ids, np.uint8)[before])

    def test_more_ids_than_classes_are_refused_with_both_numbers(self):
        self.active(ONE_EXIT)
        (result,) = self.set(class_remap=list(range(12)))
        self.assertFalse(result.successful)
        for fact in ("class_remap", "11", "12"):
            self.assertIn(fact, result.reason)

    def test_the_size_of_the_masks_changes_while_the_node_runs(self):
        self.active(ONE_EXIT)
        masks, camera = self.listen("/itnet/mask"), self.camera()
        self.assertEqual(self.first_after(masks, camera).width, 64)
        self.assertTrue(self.set(mask_size="network")[0].successful)
        large = self.first_after(masks, camera, lambda mask: mask.width != 64)
        self.assertEqual((large.width, large.height, len(large.data)), (480, 360, 480 * 360))

    def test_the_overlay_is_the_frame_in_colour(self):
        self.active({**ONE_EXIT, "overlay_alpha": 0.0})
        overlays, camera = self.listen("/itnet/overlay"), self.camera()
        overlay = self.first_after(overlays, camera)
        self.assertEqual((overlay.encoding, overlay.width, overlay.height, overlay.step), ("rgb8", 64, 48, 192))
        sent = frames.pixels((64, 48), 3)
        np.testing.assert_array_equal(np.frombuffer(bytes(overlay.data), np.uint8).reshape(48, 64, 3), sent)
        self.assertTrue(self.set(overlay_alpha=1.0)[0].successful)
        coloured = self.first_after(overlays, camera, lambda each: bytes(each.data) != bytes(overlay.data))
        colours = np.unique(np.frombuffer(bytes(coloured.data), np.uint8).reshape(-1, 3), axis=0)
        self.assertLessEqual(len(colours), 11)

    def test_the_png_is_the_mask(self):
        self.active(ONE_EXIT)
        masks = self.listen("/itnet/mask")
        pngs = self.listen("/itnet/mask/compressed", CompressedImage)
        camera = self.camera()
        png = self.first_after(pngs, camera)
        self.assertIn("png", png.format)
        mask = next(mask for mask in masks if mask.header == png.header)
        np.testing.assert_array_equal(frames.from_png(png.data), frames.plane(mask))

    def test_pictures_begin_and_end_with_their_subscribers(self):
        self.active(ONE_EXIT)
        masks, camera = self.listen("/itnet/mask"), self.camera()
        self.first_after(masks, camera)
        overlays = []
        subscription = self.peer.create_subscription(type(masks[0]), "/itnet/overlay", overlays.append, 10)
        self.first_after(overlays, camera)
        self.peer.destroy_subscription(subscription)
        self.wait(lambda: self.peer.count_subscribers("/itnet/overlay") == 0, "nobody to subscribe")
        self.first_after(masks, camera)
        self.first_after(self.listen("/itnet/overlay"), camera)

    def test_compressed_images_are_taken_beside_the_remapped_topic(self):
        self.active({**ONE_EXIT, "image_transport": "compressed"}, "-r", "image:=/front/image_raw")
        masks = self.listen("/itnet/mask")
        camera = self.camera("/front/image_raw/compressed", make=frames.compressed, kind=CompressedImage)
        mask = self.first_after(masks, camera)
        self.assertEqual((mask.width, mask.height), (64, 48))

    def test_a_compressed_image_gives_the_mask_of_the_same_raw_one(self):
        self.active({**ONE_EXIT, "cameras": ["a", "b"], "a.topic": "/a", "b.topic": "/b", "b.image_transport": "compressed"})
        raw, packed = self.listen("/itnet/a/mask"), self.listen("/itnet/b/mask")
        one = self.first_after(raw, self.camera("/a"))
        two = self.first_after(packed, self.camera("/b/compressed", make=frames.compressed, kind=CompressedImage))
        np.testing.assert_array_equal(frames.plane(one), frames.plane(two))

    def test_what_is_no_compressed_image_costs_its_frame_only(self):
        node = self.active({**ONE_EXIT, "image_transport": "compressed"})
        masks, told = self.listen("/itnet/mask"), self.diagnostics()
        camera = self.camera("/image/compressed", make=frames.compressed, kind=CompressedImage)
        self.first_after(masks, camera)
        broken = frames.compressed(frames.header(1))
        broken.data = broken.data[: len(broken.data) // 2]

        def failed():
            return int(told("itnet: camera").get("failed_frames", 0)) > 0

        camera.feed(failed, "a failed frame", each=lambda test, it: it.send(broken))
        self.first_after(masks, camera)
        self.assertEqual(len(node.said("/image/compressed", "said once")), 1)


class Progressive(NodeTest):
    def test_each_exit_is_published_with_the_stamp_of_the_frame(self):
        self.active({"publish": "progressive", "budget_ms": 5000.0, "iterations.max": 3})
        masks, camera = self.listen("/itnet/mask"), self.camera()
        camera.feed(lambda: self.most(masks) == 3, "three masks with one stamp", hz=2.0)
        self.assertTrue(self.set(publish="final")[0].successful)
        since = len(camera.sent)

        def after():
            return [mask for mask in masks if frames.key(mask.header) in camera.sent[since + 1 :]]

        camera.feed(lambda: len(after()) >= 4, "masks after the change", hz=2.0)
        self.assertEqual(self.most(after()), 1)

    def most(self, masks):
        heads = [frames.key(mask.header) for mask in masks]
        return max((heads.count(head) for head in heads), default=0)
