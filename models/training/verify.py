"""Compares the logits of a checkpoint in PyTorch with those of its bundle, at every exit.

The bundle is run by this project's own runtime (`cargo run --release --example logits`) or, with
`--runtime onnxruntime`, by ONNX Runtime. Fails when any value differs by more than `--tolerance`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from data import to_tensor
from export import load_net

REPOSITORY = Path(__file__).resolve().parents[2]


def picture(path, width, height):
    """The network's input [1,3,H,W] from a file, or a synthetic picture when no path is given."""
    if path:
        image = Image.open(path).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    else:
        y, x = np.mgrid[0:height, 0:width]
        layers = [x * 255 / width, y * 255 / height, 127 + 127 * np.sin(x / 9) * np.cos(y / 7)]
        image = np.stack(layers, -1).astype(np.uint8)
    return to_tensor(image)[None]


class OnnxRuntime:
    """A bundle run by ONNX Runtime, on one thread as itnet does by default."""

    def __init__(self, bundle):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1

        def session(entry):
            path = str(bundle / entry["path"])
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        self.manifest = json.loads((bundle / "manifest.json").read_text())
        files = self.manifest["files"]
        self.data = session(files["data"])
        self.steps, self.leave = [session(e) for e in files["steps"]], [session(e) for e in files["exits"]]

    def exits(self, image):
        """Logits of all trained exits of `image` [1,3,H,W]."""
        values, logits = self.call(self.data, {"image": image}), []
        for i in range(self.manifest["iterations"]["trained"]):
            changed = self.call(self.steps[min(i, len(self.steps) - 1)], values)
            values |= {name.removesuffix("_next"): v for name, v in changed.items()}
            logits.append(self.call(self.leave[min(i, len(self.leave) - 1)], values)["logits"])
        return logits

    @staticmethod
    def call(graph, values):
        feed = {i.name: values[i.name] for i in graph.get_inputs()}
        return dict(zip([o.name for o in graph.get_outputs()], graph.run(None, feed)))


def run_itnet(bundle, manifest, image, runner):
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "input.f32", Path(folder) / "out"
        out.mkdir()
        image.astype("<f4").tofile(source)
        count = manifest["iterations"]["trained"]
        words = [*runner.split(), bundle.resolve(), source, out, count]
        subprocess.run([str(w) for w in words], cwd=REPOSITORY, check=True)
        return [np.fromfile(out / f"exit_{k + 1}.f32", "<f4") for k in range(count)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("bundle", type=Path)
    p.add_argument("--checkpoint", help="the one that was exported; without it untrained first weights")
    p.add_argument("--image", help="any picture; without it a synthetic one")
    p.add_argument("--runtime", choices=["itnet", "onnxruntime"], default="itnet")
    p.add_argument("--runner", default="cargo run --release --quiet --example logits --", help="for itnet's runtime")
    p.add_argument("--tolerance", type=float, default=1e-3)
    args = p.parse_args()
    manifest = json.loads((args.bundle / "manifest.json").read_text())
    image = picture(args.image, manifest["input"]["width"], manifest["input"]["height"])
    with torch.no_grad():
        wanted = load_net(args.checkpoint)(image)
    if args.runtime == "itnet":
        given = run_itnet(args.bundle, manifest, image.numpy(), args.runner)
    else:
        given = OnnxRuntime(args.bundle).exits(image.numpy())
    worst = 0.0
    for k, (ours, theirs) in enumerate(zip(wanted, given, strict=True)):
        theirs = theirs.reshape(ours.shape)
        difference = np.abs(ours.numpy() - theirs).max()
        same = (ours.numpy().argmax(1) == theirs.argmax(1)).mean()
        print(f"exit {k + 1}: max |difference| {difference:.2e}, same class {100 * same:.3f} %")
        worst = max(worst, float(difference))
    if not worst <= args.tolerance:
        sys.exit(f"the largest difference {worst:.2e} is above {args.tolerance:.0e}")


if __name__ == "__main__":
    main()
