"""Self-check on synthetic pictures: python test_training.py (no data set, a few seconds)."""

import argparse
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from torch.nn import functional as F

import crops
import data
import export
import loss
import net
import optimiser
import run
import train
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


def scenes_of(folder, **options):
    write_scene(Path(folder), **options)
    return data.scenes(folder)


class Loader(unittest.TestCase):
    def test_a_set_of_several_sizes_is_refused_with_the_name_of_the_odd_one(self):
        with tempfile.TemporaryDirectory() as name:
            write_scene(Path(name))
            Image.new("RGB", (8, 8)).save(Path(name) / "images" / "1.png")
            with self.assertRaisesRegex(SystemExit, "1.png"):
                data.scenes(name)

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


class Drawn(unittest.TestCase):
    """Crops as they are drawn while training."""

    def test_crops_keep_classes_and_may_leave_the_picture(self):
        with tempfile.TemporaryDirectory() as name:
            scenes = scenes_of(name)
        self.assertAlmostEqual(float(scenes.frequencies().sum()), 1.0)
        drawn = crops.Crops([scenes, scenes], [0.5, 0.5], "cpu")
        images, labels, before = drawn.draw(8, (144, 200), pair=True)
        self.assertEqual(tuple(images.shape), (8, 3, 144, 200))
        self.assertEqual(images.shape, before.shape)
        self.assertFalse(torch.equal(images, before))
        self.assertLessEqual(set(labels.unique().tolist()), {0, 1, 2, data.VOID})

    def test_sets_are_drawn_by_their_shares(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            sets = [scenes_of(one, count=2), scenes_of(other, count=7)]
        drawn = crops.Crops(sets, [0.75, 0.25], "cpu")
        chances = drawn.chance.diff(prepend=torch.zeros(1))
        torch.testing.assert_close(chances, torch.tensor([0.375] * 2 + [0.25 / 7] * 7))

    def test_picture_and_label_are_cut_alike(self):
        with tempfile.TemporaryDirectory() as name:
            scenes = scenes_of(name)
        # A picture that shows its own labels, each as a grey of its own.
        scenes.images[:] = (20 * scenes.labels)[..., None]
        drawn = crops.Crops([scenes], [1.0], "cpu")
        drawn.colours = lambda n: (*(torch.full((n, 1, 1, 1), v) for v in (1.0, 1.0, 0.0)), *([torch.ones(n, 1, 1, 1)] * 2))
        images, labels, _ = drawn.draw(16, (120, 160))
        grey = (images * drawn.std + drawn.mean)[:, 0] * 255 / 20
        inside = labels != data.VOID
        agree = (grey.round() == labels)[inside].float().mean()
        self.assertGreater(float(agree), 0.97)  # all but the pixels between two classes


class Loss(unittest.TestCase):
    def test_logits_at_an_offset_are_those_of_bilinear_upsampling(self):
        logits = torch.randn(2, 3, 6, 8)
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")
        for dy in range(4):
            for dx in range(4):
                torch.testing.assert_close(loss.at_offset(logits, torch.tensor([dy, dx])), full[:, :, dy::4, dx::4])

    def test_cross_entropy_is_the_weighted_one_of_torch_and_void_does_not_count(self):
        logits, weights = torch.randn(2, 11, 6, 8), torch.rand(11) + 0.5
        labels = torch.randint(0, 12, (2, 24, 32))
        with_void = torch.cat([weights, torch.zeros(1)])
        ours = loss.loss_of([logits], labels, with_void, 0.0, 0.0, torch.tensor([1, 2]))
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")[:, :, 1::4, 2::4]
        theirs = F.cross_entropy(full, labels[:, 1::4, 2::4], weights, ignore_index=11)
        torch.testing.assert_close(ours, theirs)

    def test_the_lovasz_loss_of_hard_answers_is_one_less_the_mean_iou_whatever_is_void(self):
        truth, answer = torch.randint(0, 4, (500,)), torch.randint(0, 4, (500,))
        iou = [((truth == c) & (answer == c)).sum() / ((truth == c) | (answer == c)).sum() for c in range(4)]
        hidden = torch.cat([truth, torch.full((50,), data.VOID)]), torch.cat([answer, torch.randint(0, 4, (50,))])
        ours = loss.lovasz(F.one_hot(hidden[1], 11).float(), hidden[0])
        self.assertAlmostEqual(float(ours), 1 - float(sum(iou)) / 4, places=5)


class Optimiser(unittest.TestCase):
    def test_an_update_has_singular_values_near_one(self):
        for shape in ((48, 432), (64, 16)):
            values = torch.linalg.svdvals(optimiser.orthogonal(torch.randn(*shape)))
            self.assertGreater(float(values.min()), 0.4)
            self.assertLess(float(values.max()), 1.4)


    def test_adam_is_that_of_torch(self):
        ours, theirs = (torch.nn.Parameter(torch.ones(5)) for _ in range(2))
        one, other = optimiser.Adam([ours]), torch.optim.Adam([theirs], lr=1e-2)
        for k in range(5):
            ours.grad = theirs.grad = torch.arange(5.0) - k
            one.step(torch.tensor(1e-2))
            other.step()
        torch.testing.assert_close(ours, theirs)

    def test_a_gradient_that_is_not_finite_counts_as_none(self):
        p, q = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
        p.grad, q.grad = torch.tensor([1.0, float("nan")]), torch.full((2,), 9.0)
        self.assertFalse(optimiser.clip([p, q]).isfinite())
        self.assertEqual(float(p.grad.abs().sum() + q.grad.abs().sum()), 0.0)
        p.grad, q.grad = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
        self.assertAlmostEqual(float(optimiser.clip([p, q])), 5.0)
        torch.testing.assert_close(q.grad, torch.tensor([0.0, 0.8]))


class Resumed(unittest.TestCase):
    def test_a_run_goes_on_from_its_checkpoint(self):
        with tempfile.TemporaryDirectory() as name:
            drawn = crops.Crops([scenes_of(name)], [1.0], "cpu")
            args = train.parser().parse_args(["--camvid", "", "--out", name, "--batch", "1", "--processes", "1"])
            args.unroll = [1, 0]
            run.SIZE = (96, 128)
            first = run.Run(args, drawn, torch.ones(12))
            for _ in range(2):
                first.learn(0.5)
            first.save()
            again = run.Run(args, drawn, torch.ones(12))
        self.assertEqual((again.step, again.images), (2, 2))
        for a, b in zip([*first.net.parameters(), *first.muon.moments, *first.adam.second],
                        [*again.net.parameters(), *again.muon.moments, *again.adam.second], strict=True):
            torch.testing.assert_close(a, b)


class Network(unittest.TestCase):
    def test_iterations_past_the_last_and_warm_frames_leave_the_statistics_as_they_are(self):
        small = net.ItNet(net.Size(stem=8, outline=4, state=16, near=8, mid=16, far=8, iterations=1))
        statistics = small.step.read_bn.each[0].running_mean
        small(torch.randn(2, 3, 64, 64), 1)
        before = statistics.clone()
        start = small.data(torch.randn(2, 3, 64, 64))
        small.run(start, range(1, 3))
        small.run(start, range(1), frozen=True)
        torch.testing.assert_close(statistics, before)
        small.run(start, range(1))
        self.assertFalse(torch.equal(statistics, before))

    def test_a_log_goes_on_from_the_checkpoint(self):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "log.csv"
            for step, before in ((3, 0), (8, 3), (5, 4)):
                train.Log(path, before).write(step=step)
            steps = [row.partition(",")[0] for row in path.read_text().splitlines()[1:]]
        self.assertEqual(steps, ["3", "5"])

    def test_two_runs_do_not_share_a_folder(self):
        with tempfile.TemporaryDirectory() as name:
            lock = train.alone(name)
            with self.assertRaisesRegex(SystemExit, "another run trains"):
                train.alone(name)
            lock.close()
            train.alone(name).close()

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
            args.parts = "no picture"
            args.warm_steps, args.warm_from, args.keep = 1, 2, 0.5
            export.write_bundle(small, args)
            theirs = verify.OnnxRuntime(Path(name)).exits(image.numpy())
        with torch.no_grad():
            ours = small(image)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
