"""CamVid and rendered scenes as arrays in memory.

A set is a folder pair: pictures (RGB) and labels of the same names (one byte a pixel: 0 to 10 the
classes in CamVid's order, 11 void), all of one size.
"""

from concurrent.futures import ThreadPoolExecutor
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
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Part:
    """Part of a drive: `0006R0` (all of it) or `0016E5:7000-8640` (frame numbers, both ends in)."""

    def __init__(self, text):
        self.drive, _, frames = text.partition(":")
        self.first, self.last = map(int, frames.split("-")) if frames else (0, 10**9)

    def __contains__(self, name):
        drive, _, frame = Path(name).stem.partition("_")
        return drive == self.drive and self.first <= int(frame.lstrip("f")) <= self.last


class Pictures:
    """All pictures (`images`, uint8 [N,H,W,3]) and labels (`labels`, uint8 [N,H,W]) of one set.
    `without`: parts of drives that are left out; `only`: nothing but these."""

    def __init__(self, images, labels, every=1, without=(), only=()):
        names = sorted(p.name for p in Path(images).glob("*.png"))[::every]
        names = [n for n in names if not any(n in part for part in without)]
        self.names = [n for n in names if not only or any(n in part for part in only)]
        if not self.names:
            raise SystemExit(f"no PNG files to use in {images}")
        self.images = stacked([Path(images) / n for n in self.names], "RGB")
        self.labels = stacked([Path(labels) / n for n in self.names], "L")
        if self.images.shape[:3] != self.labels.shape:
            raise SystemExit(f"pictures of {self.images.shape[:3]} in {images}, labels of {self.labels.shape} in {labels}")

    def __len__(self):
        return len(self.names)

    def frequencies(self):
        counts = np.bincount(self.labels.ravel(), minlength=256)
        return counts[:VOID] / counts[:VOID].sum()


def stacked(paths, mode):
    """All files as one array; labels are taken as they are, whatever their palette."""

    def read(path):
        picture = Image.open(path)
        return np.array(picture.convert("RGB") if mode == "RGB" else picture)

    with ThreadPoolExecutor() as pool:
        arrays = list(pool.map(read, paths))
    for path, array in zip(paths, arrays):
        if array.shape != arrays[0].shape:
            raise SystemExit(f"{path} is {array.shape}, {paths[0]} is {arrays[0].shape}: one set has one size")
    return np.stack(arrays)


def class_weights(pictures):
    """1 / ln(1.10 + p), and 0 for void: a float tensor of 12."""
    return torch.from_numpy(np.append(1.0 / np.log(1.10 + pictures.frequencies()), 0.0)).float()


def camvid(root, part, every=1, **choice):
    return Pictures(Path(root) / part, Path(root) / f"{part}annot", every, **choice)


def scenes(folder):
    return Pictures(Path(folder) / "images", Path(folder) / "labels")


def normalised(image):
    """[...,3,H,W] from 0 to 1 as the network takes it."""
    mean, std = (torch.tensor(v, device=image.device)[:, None, None] for v in (MEAN, STD))
    return (image - mean) / std


def to_tensor(image):
    """uint8 [H,W,3] to normalised float [3,H,W]."""
    return normalised(torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255)
