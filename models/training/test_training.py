"""Self-check on synthetic pictures: python test_training.py (no data set, a few seconds)."""

import argparse
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import data
import export
import net
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
        images, labels = data.batch(rng, [scenes, scenes], [0.5, 0.5], 8, (144, 200))
        self.assertEqual(tuple(images.shape), (8, 3, 144, 200))
        self.assertLessEqual(set(labels.unique().tolist()), {0, 1, 2, data.VOID})
        self.assertAlmostEqual(float(scenes.frequencies().sum()), 1.0)

    def test_picture_and_label_are_cut_alike(self):
        grid = np.arange(100 * 80, dtype=np.int64).reshape(80, 100) % 11
        label = Image.fromarray(grid.astype(np.uint8))
        place = (10.0, 20.0, 40.0, 30.0)
        twice = data.cut(label, place, (60, 80), Image.Resampling.NEAREST, data.VOID)
        np.testing.assert_array_equal(np.asarray(twice)[::2, ::2], grid[20:50, 10:50])


class Network(unittest.TestCase):
    def test_size_s_keeps_its_limits(self):
        small = net.ItNet()
        shared, total = net.parameters(small)
        first, step, leave = net.macs(small)
        self.assertLessEqual(shared, 300_000)
        self.assertLess(shared, total)
        self.assertLessEqual(first + step + leave, 350e6)
        self.assertLessEqual(first + small.size.iterations * (step + leave), 1.4e9)

    def test_the_bundle_gives_the_logits_of_the_network(self):
        torch.manual_seed(1)
        size = net.Size(stem=8, outline=4, state=16, near=8, mid=16, far=8, iterations=2)
        small = net.ItNet(size)
        for _ in range(3):
            small(torch.randn(2, 3, 120, 160))
        small.eval()
        image = verify.picture(None, 160, 120)
        with tempfile.TemporaryDirectory() as name:
            args = argparse.Namespace(out=name, name="t", version="0", width=160, height=120, useful=None, scenes=False)
            export.write_bundle(small, args)
            manifest = export.manifest(small, Path(name), ["step_1.onnx", "step_2.onnx"], args)
            theirs = verify.run_onnxruntime(Path(name), manifest, image.numpy())
        with torch.no_grad():
            ours = small(image)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
