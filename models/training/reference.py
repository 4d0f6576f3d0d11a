"""mIoU of every exit of a bundle, run by ONNX Runtime: the check of `itnet eval` by other means.

Logits are upsampled bilinearly to the picture, as itnet does; one confusion matrix over all pictures, divided by
all classes. With `--expect` (the JSON of `itnet eval --json`) it fails where an exit differs by more than 0.1 point.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from verify import OnnxRuntime, picture

TOLERANCE = 0.001


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("bundle", type=Path)
    p.add_argument("--images", type=Path, required=True)
    p.add_argument("--labels", type=Path, required=True)
    p.add_argument("--list", type=Path, help="file of the names to use (default: all)")
    p.add_argument("--expect", type=Path)
    args = p.parse_args()
    network = OnnxRuntime(args.bundle)
    count, classes = network.manifest["iterations"]["trained"], len(network.manifest["classes"])
    names = args.list.read_text().split() if args.list else sorted(f.name for f in args.images.glob("*.png"))
    table = np.zeros((count, classes, classes), np.int64)
    for name in names:
        truth = np.array(Image.open(args.labels / name))
        size = network.manifest["input"]
        exits = network.exits(picture(args.images / name, size["width"], size["height"]).numpy())
        for k, logits in enumerate(exits):
            full = F.interpolate(torch.from_numpy(logits), size=truth.shape, mode="bilinear")[0].argmax(0).numpy()
            valid = truth < classes
            pairs = truth[valid].astype(np.int64) * classes + full[valid]
            table[k] += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    hits = table.diagonal(axis1=1, axis2=2)
    miou = (hits / (table.sum(1) + table.sum(2) - hits).clip(min=1)).mean(1)
    print(f"ONNX Runtime, {len(names)} pictures, mIoU % by exit:", " ".join(f"{100 * v:.2f}" for v in miou))
    if args.expect:
        ours = np.array([e["miou"] for e in json.loads(args.expect.read_text())["exits"]])
        both = min(len(ours), count)
        worst = float(np.abs(ours[:both] - miou[:both]).max())
        print(f"largest difference from itnet: {100 * worst:.3f} points")
        if not worst <= TOLERANCE:
            sys.exit(f"above {100 * TOLERANCE} points")


if __name__ == "__main__":
    main()
