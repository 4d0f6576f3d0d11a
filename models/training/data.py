"""CamVid and rendered scenes as arrays in memory, and batches of augmented crops of them.

A set is a folder pair: pictures (RGB, any size of at least the crop) and labels of the same names (one
byte a pixel: 0 to 10 the classes in CamVid's order, 11 void).
"""

import queue
import threading
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CLASS_NAMES = "sky building pole road pavement tree sign fence car pedestrian bicyclist".split()
CLASS_COLORS = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
    (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
VOID = 11
RARE = (2, 6, 7, 9, 10)  # pole, sign, fence, pedestrian, bicyclist
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
FILL = (124, 116, 104)  # the mean colour, outside a picture


class Part:
    """Part of a drive: `0006R0` (all of it) or `0016E5:7000-8640` (frame numbers, both ends in)."""

    def __init__(self, text):
        self.drive, _, frames = text.partition(":")
        self.first, self.last = map(int, frames.split("-")) if frames else (0, 10**9)

    def __contains__(self, name):
        drive, _, frame = Path(name).stem.partition("_")
        return drive == self.drive and self.first <= int(frame.lstrip("f")) <= self.last


class Pictures:
    """All pictures and labels of one set, decoded once. `without`: parts of drives that are left out;
    `only`: nothing but these."""

    def __init__(self, images, labels, every=1, without=(), only=()):
        names = sorted(p.name for p in Path(images).glob("*.png"))[::every]
        names = [n for n in names if not any(n in part for part in without)]
        self.names = [n for n in names if not only or any(n in part for part in only)]
        if not self.names:
            raise SystemExit(f"no PNG files to use in {images}")
        self.images = [Image.open(Path(images) / n).convert("RGB") for n in self.names]
        self.labels = [Image.open(Path(labels) / n) for n in self.names]
        for label in self.labels:
            label.load()
        self.rare = [[c for c in RARE if c in seen] for seen in map(self.classes_in, self.labels)]

    @staticmethod
    def classes_in(label):
        return set(np.unique(np.asarray(label)).tolist())

    def __len__(self):
        return len(self.names)

    def frequencies(self):
        counts = np.zeros(256, np.int64)
        for label in self.labels:
            counts += np.bincount(np.asarray(label).ravel(), minlength=256)
        return counts[:VOID] / counts[:VOID].sum()


def class_weights(pictures):
    """1 / ln(1.10 + p), as a float tensor of 11."""
    return torch.from_numpy(1.0 / np.log(1.10 + pictures.frequencies())).float()


def camvid(root, part, every=1, **choice):
    return Pictures(Path(root) / part, Path(root) / f"{part}annot", every, **choice)


def scenes(folder):
    return Pictures(Path(folder) / "images", Path(folder) / "labels")


def to_tensor(image):
    """uint8 [H,W,3] to normalised float [3,H,W]."""
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def window(rng, label, rare, size, scale):
    """Left, top, width and height of the source window that becomes the crop; it may leave the picture."""
    width, height = size[1] / scale, size[0] / scale
    free_x, free_y = label.width - width, label.height - height
    left, top = rng.uniform(min(0, free_x), max(0, free_x)), rng.uniform(min(0, free_y), max(0, free_y))
    if rare and rng.random() < 0.5:
        wanted = rare[rng.integers(len(rare))]
        ys, xs = np.nonzero(np.asarray(label) == wanted)
        i = rng.integers(len(xs))
        left = np.clip(xs[i] - rng.uniform(0.2, 0.8) * width, min(0, free_x), max(0, free_x))
        top = np.clip(ys[i] - rng.uniform(0.2, 0.8) * height, min(0, free_y), max(0, free_y))
    return left, top, width, height


def cut(picture, place, size, resample, fill):
    """The window of the picture resized to the crop, `fill` outside the picture."""
    left, top, width, height = place
    scale = size[0] / height
    box = (max(0, left), max(0, top), min(picture.width, left + width), min(picture.height, top + height))
    to = [round((v - o) * scale) for v, o in zip(box, (left, top, left, top))]
    part = picture.resize((max(1, to[2] - to[0]), max(1, to[3] - to[1])), resample, box=box)
    out = Image.new(picture.mode, (size[1], size[0]), fill)
    out.paste(part, (to[0], to[1]))
    return out


def recolour(rng, image):
    """Jitter of gamma, contrast, brightness, colour balance and saturation."""
    x = np.arange(256, dtype=np.float32) / 255
    x = x ** np.exp(rng.uniform(-0.5, 0.5))
    x = (x - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
    table = np.concatenate([np.clip(x * rng.uniform(0.9, 1.1), 0, 1) * 255 for _ in range(3)])
    image = image.point(table.astype(np.uint8).tolist())
    if rng.random() < 0.5:
        grey = image.convert("L").convert("RGB")
        image = Image.blend(grey, image, rng.uniform(0.4, 1.4))
    return image


def earlier(rng, place):
    """The window of a frame a moment before: the camera drives on, shakes and turns a little."""
    left, top, width, height = place
    grown = rng.uniform(0.99, 1.06)
    left += width * (rng.uniform(-0.03, 0.03) - (grown - 1) / 2)
    top += height * (rng.uniform(-0.02, 0.02) - (grown - 1) / 2)
    return left, top, width * grown, height * grown


def sample(rng, pictures, size, pair=False):
    """One augmented crop: uint8 [H,W,3], labels uint8 [H,W], and as a pair the picture of a moment before."""
    i = rng.integers(len(pictures))
    scale = np.exp(rng.uniform(np.log(0.75), np.log(2.0)))
    place = window(rng, pictures.labels[i], pictures.rare[i], size, scale)
    picture = recolour(rng, pictures.images[i])
    image = cut(picture, place, size, Image.Resampling.BILINEAR, FILL)
    label = cut(pictures.labels[i], place, size, Image.Resampling.NEAREST, VOID)
    parts = [image, label]
    if pair:
        parts.append(cut(picture, earlier(rng, place), size, Image.Resampling.BILINEAR, FILL))
    turn = slice(None, None, -1 if rng.random() < 0.5 else 1)
    return [np.asarray(p)[:, turn] for p in parts]


def batch(rng, sets, shares, count, size, pairs=False):
    """`count` crops (pictures, labels, pictures of a moment before or None); set k gives its share of
    them, rounded at random so that the mean is exact."""
    picks = [int(np.floor(s * count + rng.random())) for s in shares[1:]]
    counts = [count - sum(picks), *picks]
    samples = [sample(rng, p, size, pairs) for p, n in zip(sets, counts) for _ in range(n)]

    def stacked(k):
        return torch.stack([to_tensor(s[k]) for s in samples]).contiguous(memory_format=torch.channels_last)

    labels = torch.stack([torch.from_numpy(s[1].astype(np.int64)) for s in samples])
    return stacked(0), labels, stacked(2) if pairs else None


class Batches:
    """Batches made ahead by one thread. Change `size` at any time; the next batches follow it."""

    def __init__(self, sets, shares, count, seed):
        self.sets, self.shares, self.count = sets, shares, count
        self.rng, self.ready = np.random.default_rng(seed), queue.Queue(maxsize=3)

    def start(self, size, pairs, step):
        """`pairs`: for step after step, in turn, whether pictures of a moment before are wanted too."""
        self.size, self.pairs, self.step = size, pairs, step
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self):
        while True:
            pairs = self.pairs[self.step % len(self.pairs)]
            self.ready.put(batch(self.rng, self.sets, self.shares, self.count, self.size, pairs))
            self.step += 1

    def next(self):
        return self.ready.get()
