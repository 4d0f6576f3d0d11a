"""Self-check on synthetic pictures: python test_training.py (no data set, a few seconds)."""

import argparse
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from torch.nn import functional as F

import data
import export
import loss
import net
import optimiser
import verify


def write_scene(folder, count=3, height=120, width=160):
    rng = np.random.default_rng(0)
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for k in range(count):
        label = np.full((height, width), k, np.uint8)
        label[:20, :20], label[50:70, 60:64] = data.VOID, 2
        Image.fromarray(label).save(folder / "labels" / f"{k}.png")
        Image.fromarray(rng.integers(0, 255, (height, width, 3), np.uint8)).save(folder / "images" / f"{k}.png")


class Loader(unittest.TestCase):
    def test_crops_keep_classes_and_may_leave_the_picture(self):
        with tempfile.TemporaryDirectory() as name:
            write_scene(Path(name))
            scenes = data.scenes(name)
        rng = np.random.default_rng(1)
        images, labels, before = data.batch(rng, [scenes, scenes], [0.5, 0.5], 8, (144, 200), pairs=True)
        self.assertEqual(tuple(images.shape), (8, 3, 144, 200))
        self.assertEqual(images.shape, before.shape)
        self.assertFalse(torch.equal(images, before))
        self.assertLessEqual(set(labels.unique().tolist()), {0, 1, 2, data.VOID})
        self.assertAlmostEqual(float(scenes.frequencies().sum()), 1.0)

    def test_picture_and_label_are_cut_alike(self):
        grid = np.arange(100 * 80, dtype=np.int64).reshape(80, 100) % 11
        label = Image.fromarray(grid.astype(np.uint8))
        place = (10.0, 20.0, 40.0, 30.0)
        twice = data.cut(label, place, (60, 80), Image.Resampling.NEAREST, data.VOID)
        np.testing.assert_array_equal(np.asarray(twice)[::2, ::2], grid[20:50, 10:50])

    def test_parts_of_drives_are_left_out_or_taken_alone(self):
        with tempfile.TemporaryDirectory() as name:
            write_scene(Path(name))
            for k, to in enumerate(["0006R0_f00930", "0016E5_07000", "0016E5_08641"]):
                for part in ("images", "labels"):
                    (Path(name) / part / f"{k}.png").rename(Path(name) / part / f"{to}.png")
            folders = Path(name) / "images", Path(name) / "labels"
            parts = [data.Part("0006R0"), data.Part("0016E5:7000-8640")]
            kept, left = data.Pictures(*folders, without=parts), data.Pictures(*folders, only=parts)
        self.assertEqual(kept.names, ["0016E5_08641.png"])
        self.assertEqual(left.names, ["0006R0_f00930.png", "0016E5_07000.png"])


class Loss(unittest.TestCase):
    def test_logits_at_an_offset_are_those_of_bilinear_upsampling(self):
        logits = torch.randn(2, 3, 6, 8)
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")
        for dy in range(4):
            for dx in range(4):
                torch.testing.assert_close(loss.at_offset(logits, dy, dx), full[:, :, dy::4, dx::4])

    def test_cross_entropy_is_the_weighted_one_of_torch_and_void_does_not_count(self):
        logits, weights = torch.randn(2, 11, 6, 8), torch.rand(11) + 0.5
        labels = torch.randint(0, 12, (2, 24, 32))
        ours = loss.loss_of([logits], labels, weights, 0.0, 0.0, (1, 2))
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")[:, :, 1::4, 2::4]
        theirs = F.cross_entropy(full, labels[:, 1::4, 2::4], weights, ignore_index=11)
        torch.testing.assert_close(ours, theirs)

    def test_the_lovasz_loss_of_hard_answers_is_one_less_the_mean_iou(self):
        truth, answer = torch.randint(0, 4, (500,)), torch.randint(0, 4, (500,))
        iou = [((truth == c) & (answer == c)).sum() / ((truth == c) | (answer == c)).sum() for c in range(4)]
        ours = loss.lovasz(F.one_hot(answer, 11).float(), truth)
        self.assertAlmostEqual(float(ours), 1 - float(sum(iou)) / 4, places=5)


class Optimiser(unittest.TestCase):
    def test_an_update_has_singular_values_near_one(self):
        for shape in ((48, 432), (64, 16)):
            values = torch.linalg.svdvals(optimiser.orthogonal(torch.randn(*shape)))
            self.assertGreater(float(values.min()), 0.4)
            self.assertLess(float(values.max()), 1.4)


class Network(unittest.TestCase):
    def test_each_size_keeps_its_limits(self):
        for name, most, first_exit, last_exit in (("s", 300_000, 350e6, 1.4e9), ("m", 800_000, 700e6, 3.2e9)):
            network = net.ItNet(net.SIZES[name])
            shared, total = net.parameters(network)
            first, step, leave = net.macs(network)
            self.assertLess(shared, total)
            self.assertLessEqual(total, most)
            self.assertLessEqual(first + step + leave, first_exit)
            self.assertLessEqual(first + network.size.iterations * (step + leave), last_exit)

    def test_the_bundle_gives_the_logits_of_the_network(self):
        for edge in (0, 8):
            self.export_and_compare(edge)

    def export_and_compare(self, edge):
        torch.manual_seed(1)
        size = net.Size(edge=edge, stem=8, outline=4, state=16, near=8, mid=16, far=8, iterations=2)
        small = net.ItNet(size)
        for _ in range(3):
            small(torch.randn(2, 3, 120, 160))
        small.eval()
        image = verify.picture(None, 160, 120)
        with tempfile.TemporaryDirectory() as name:
            args = argparse.Namespace(out=name, name="t", version="0", width=160, height=120, useful=None, scenes=False)
            args.warm_steps = 1
            export.write_bundle(small, args)
            theirs = verify.OnnxRuntime(Path(name)).exits(image.numpy())
        with torch.no_grad():
            ours = small(image)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
