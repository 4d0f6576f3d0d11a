"""ItNet: one block executed again and again, with an exit after every iteration.

`data` runs once a frame, `step` once an iteration, `exit` on demand. The convolutions of `step` are
shared by all iterations; batch normalisation (statistics and affine) is kept per iteration, so that
every iteration folds into plain convolutions of its own at export.

State: `h` at 1/8 (meaning) and `g` at 1/4 (outlines). Constants of the frame: `j` is added to every
reading of `h`, `detail` to every renewal of `g`. Contexts at 1/16 and 1/32 live inside a step only.
"""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 11


@dataclass(frozen=True)
class Size:
    """Channel counts: `edge` at 1/2 (0: the stem goes to 1/4 at once), `stem` at 1/4, `outline` = `g`,
    `state` = `h`, `near` its working width at 1/8, `mid` at 1/16, `far` at 1/32."""

    edge: int = 0
    stem: int = 24
    outline: int = 20
    state: int = 48
    near: int = 48
    mid: int = 96
    far: int = 64
    iterations: int = 4

    def to_dict(self):
        return asdict(self)


SIZES = {
    "s": Size(),
    "m": Size(edge=16, stem=32, outline=32, state=64, near=48, mid=144, far=128),
}


def conv(cin, cout, k=1, stride=1):
    return nn.Conv2d(cin, cout, k, stride, k // 2, bias=False)


def up_to(x, like):
    """Nearest upsampling by two, cut to the size of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")


class PerIteration(nn.Module):
    """One batch normalisation an iteration; iterations past the last use the last one's. Those and `frozen` ones take the
    statistics as they are, in training as at inference: the network learns to go with them and does not change them."""

    def __init__(self, channels, iterations, gain=1.0):
        super().__init__()
        self.each = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(iterations))
        for bn in self.each:
            nn.init.constant_(bn.weight, gain)

    def at(self, t):
        return self.each[min(t, len(self.each) - 1)]

    def forward(self, x, t, frozen):
        bn = self.at(t)
        if t < len(self.each) and not frozen:
            return bn(x)
        return F.batch_norm(x, bn.running_mean.clone(), bn.running_var.clone(), bn.weight, bn.bias, eps=bn.eps)


class Data(nn.Module):
    """Image [N,3,H,W] to (h, g, j, detail). H and W are multiples of 8."""

    def __init__(self, s):
        super().__init__()
        self.edge = conv(3, s.edge, 3, 2) if s.edge else None
        self.edge_bn = nn.BatchNorm2d(s.edge) if s.edge else None
        self.stem = conv(s.edge, s.stem, 3, 2) if s.edge else nn.Conv2d(3, s.stem, 6, 4, 2, bias=False)
        self.stem_bn = nn.BatchNorm2d(s.stem)
        self.quarter = conv(s.stem, s.stem, 3)
        self.quarter_bn = nn.BatchNorm2d(s.stem)
        self.eighth = conv(s.stem, s.state, 3, 2)
        self.eighth_bn = nn.BatchNorm2d(s.state)
        self.inject = conv(s.state, s.state)
        self.inject_bn = nn.BatchNorm2d(s.state)
        self.detail = conv(s.stem, s.outline)
        self.detail_bn = nn.BatchNorm2d(s.outline)

    def forward(self, image):
        if self.edge is not None:
            image = F.relu(self.edge_bn(self.edge(image)))
        x = F.relu(self.stem_bn(self.stem(image)))
        x = F.relu(self.quarter_bn(self.quarter(x)))
        h = F.relu(self.eighth_bn(self.eighth(x)))
        detail = self.detail_bn(self.detail(x))
        return h, F.relu(detail), self.inject_bn(self.inject(h)), detail


class Step(nn.Module):
    """(h, g) of one iteration to those of the next."""

    def __init__(self, s):
        super().__init__()
        n = s.iterations
        self.read, self.read_bn = conv(s.state, s.state), PerIteration(s.state, n)
        self.down, self.down_bn = conv(s.state, s.mid, 3, 2), PerIteration(s.mid, n)
        self.far, self.far_bn = conv(s.mid, s.far, 3, 2), PerIteration(s.far, n)
        self.far2, self.far2_bn = conv(s.far, s.far, 3), PerIteration(s.far, n)
        self.far_up, self.far_up_bn = conv(s.far, s.mid), PerIteration(s.mid, n)
        self.mid, self.mid_bn = conv(s.mid, s.mid, 3), PerIteration(s.mid, n)
        self.mid_up, self.mid_up_bn = conv(s.mid, s.near), PerIteration(s.near, n)
        self.near, self.near_bn = conv(s.state, s.near, 3), PerIteration(s.near, n)
        self.write, self.write_bn = conv(s.near, s.state), PerIteration(s.state, n, gain=0.4)
        self.outline, self.outline_bn = conv(s.outline, s.outline, 3), PerIteration(s.outline, n)
        self.tell, self.tell_bn = conv(s.state, s.outline), PerIteration(s.outline, n)

    def forward(self, h, g, j, detail, t, frozen=False):
        def of(name, x):
            return getattr(self, name + "_bn")(getattr(self, name)(x), t, frozen)

        a = F.relu(of("read", h) + j)
        m = F.relu(of("down", a))
        f = F.relu(of("far2", F.relu(of("far", m))))
        m = F.relu(of("mid", m) + up_to(of("far_up", f), m))
        a = F.relu(of("near", a) + up_to(of("mid_up", m), a))
        h = h + of("write", a)
        g = F.relu(of("outline", g) + detail + up_to(of("tell", h), g))
        return h, g


class ItNet(nn.Module):
    """Image to the logits of every exit, each [N,11,H/4,W/4]."""

    def __init__(self, size=SIZES["s"]):
        super().__init__()
        self.size = size
        self.data, self.step = Data(size), Step(size)
        self.exit = nn.Conv2d(size.outline, CLASSES, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")

    def forward(self, image, iterations=None):
        return self.run(self.data(image), range(iterations or self.size.iterations))[0]

    def run(self, start, steps, frozen=False):
        """Logits after each of `steps` (indices of step), and the states (h, g) after the last. `frozen`: with the
        statistics as they are."""
        h, g, j, detail = start
        exits = []
        for t in steps:
            h, g = self.step(h, g, j, detail, t, frozen)
            exits.append(self.exit(g))
        return exits, (h, g)


def parameters(net):
    """(shared, total): without and with the further copies of the per-iteration normalisation."""
    total = sum(p.numel() for p in net.parameters())
    extra = sum(
        p.numel()
        for m in net.modules()
        if isinstance(m, PerIteration)
        for bn in list(m.each)[1:]
        for p in bn.parameters()
    )
    return total - extra, total


def macs(net, height=360, width=480):
    """Multiply-accumulates of (data, one step, one exit) at this size, convolutions only."""
    seen = {"data": 0, "step": 0, "exit": 0}

    def count(part):
        def hook(m, _inputs, y):
            seen[part] += y.shape[-2] * y.shape[-1] * m.weight.numel()

        return hook

    hooks = [
        m.register_forward_hook(count(part))
        for part in seen
        for m in getattr(net, part).modules()
        if isinstance(m, nn.Conv2d)
    ]
    training = net.training
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 3, height, width), iterations=1)
    net.train(training)
    for hook in hooks:
        hook.remove()
    return seen["data"], seen["step"], seen["exit"]
