"""A run: the network, its average, its optimisers, how one step is made, and what a checkpoint holds.

On a GPU a whole step, from drawing the crops to the average of the weights, is one CUDA graph for each number of
iterations; on processor cores it is run as it stands, and the processes add up their gradients.
"""

import copy
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from loss import loss_of
from net import ItNet, SIZES
from optimiser import Adam, Muon, clip

RATES = {"muon": 0.01, "adam": 1e-3}
SIZE = (360, 480)  # height, width of the crops: whole pictures
LATE = 0.2  # progress from which exits also learn from the last one, and from the Lovasz loss


def mixed(start, last, keep):
    """A frame's start (h, g, j, detail) with `keep` of the states (h, g) that the last frame ended with."""
    return *(torch.lerp(a, b.to(a.dtype), keep) for a, b in zip(start[:2], last)), *start[2:]


class Run:
    """One training run. `crops` and `weights` lie on the device that the run is to use."""

    def __init__(self, args, crops, weights):
        self.args, self.out, self.crops, self.weights = args, Path(args.out), crops, weights
        self.device, self.count = crops.device, args.batch // args.processes
        torch.manual_seed(args.seed)
        size = replace(SIZES[args.size], iterations=args.iterations)
        self.net = ItNet(size).to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval()
        self.muon = Muon(p for p in self.net.parameters() if p.ndim > 1)
        self.adam = Adam(p for p in self.net.parameters() if p.ndim <= 1)
        self.step, self.images, self.elapsed = 0, 0, 0.0
        # Recorded on a stream of its own: libraries keep one work space a stream, which runs side by side must not share.
        self.graphs, self.aside = {}, torch.cuda.Stream() if self.device == "cuda" else None
        # What changes from step to step without a new graph: share of the rates, of the average, of the late losses.
        self.rate, self.fresh, self.late, self.loss, self.norm, self.skipped = torch.zeros(6, device=self.device).unbind()
        if (self.out / "last.pt").exists():
            self.resume()

    def resume(self):
        saved = torch.load(self.out / "last.pt", weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.average.load_state_dict(saved["ema"])
        self.muon.load(saved["muon"])
        self.adam.load(saved["adam"])
        self.step, self.images, self.elapsed = saved["step"], saved["images"], saved["elapsed"]
        self.skipped.fill_(saved["skipped"])

    def save(self):
        state = {"net": self.net.state_dict(), "ema": self.average.state_dict(), "size": self.net.size.to_dict()}
        state |= {"muon": self.muon.state(), "adam": self.adam.state(), "skipped": self.skipped.item()}
        state |= {"step": self.step, "images": self.images, "elapsed": self.elapsed}
        torch.save(state, self.out / "new.pt")
        (self.out / "new.pt").replace(self.out / "last.pt")

    def learn(self, progress):
        """One step at `progress` (0 to 1): warm-up, then (1 - progress)^0.9 of each optimiser's first rate."""
        self.rate.fill_(max(1 - progress, 0.0) ** 0.9 * min(1.0, (self.step + 1) / self.args.warmup))
        self.fresh.fill_(1 - min(self.args.ema, (1 + self.step) / (10 + self.step)))
        self.late.fill_(float(progress > LATE))
        count = self.args.unroll[self.step % len(self.args.unroll)]
        if self.device == "cpu":
            self.work(count)
        else:
            self.graph(count).replay()
        self.step += 1
        self.images += self.args.batch

    def graph(self, count):
        """The step of `count` iterations as a CUDA graph. Its first steps are made as it is recorded."""
        if count not in self.graphs:
            self.aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.aside):
                for _ in range(3):
                    self.work(count)
            torch.cuda.current_stream().wait_stream(self.aside)
            self.graphs[count] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graphs[count], stream=self.aside):
                self.work(count)
        return self.graphs[count]

    def work(self, count):
        """Draws crops and makes one step of `count` iterations, or of a warm frame where that is 0."""
        with torch.no_grad():
            images, labels, before = self.crops.draw(self.count, SIZE, pair=count == 0)
        self.net.train()
        for p in self.net.parameters():
            p.grad = None
        last = None if count else self.ended(before)
        with torch.autocast(self.device, torch.bfloat16):
            exits = self.net(images, count) if count else self.warm(self.net.data(images), last)[0]
        a, offset = self.args, torch.randint(4, (2,), device=self.device)
        loss = loss_of(exits, labels, self.weights, a.distil * self.late, a.iou * self.late, offset)
        loss.backward()
        self.loss.copy_(loss.detach())
        if dist.is_initialized():
            self.gather()
        self.norm.copy_(clip(self.net.parameters()))
        self.skipped.add_(~self.norm.isfinite())
        self.muon.step(RATES["muon"] * self.rate)
        self.adam.step(RATES["adam"] * self.rate)
        self.follow()

    def warm(self, start, last):
        """Logits and states of a warm frame. It is normalised as at inference, by what cold frames have."""
        first = self.args.warm_from - 1
        return self.net.run(mixed(start, last, self.args.keep), range(first, first + self.args.warm_steps), frozen=True)

    @torch.no_grad()
    def ended(self, before):
        """The states that the frame `before` ended with, itself cold or, every other time, warm."""
        with torch.autocast(self.device, torch.bfloat16):
            start = self.net.data(before)
            cold = self.net.run(start, range(self.net.size.iterations))[1]
            again = self.warm(start, cold)[1]
            chosen = torch.rand((), device=self.device) < 0.5
            return [torch.where(chosen, x, y) for x, y in zip(cold, again)]

    @torch.no_grad()
    def follow(self):
        """The average of weights and statistics goes a part of the way to the network's."""
        pairs = zip(self.average.state_dict().values(), self.net.state_dict().values())
        mean, now = zip(*((a, b) for a, b in pairs if a.dtype.is_floating_point))
        way = torch._foreach_sub(now, mean)
        torch._foreach_mul_(way, self.fresh)
        torch._foreach_add_(mean, way)

    def gather(self):
        """Means of gradients and loss over the processes."""
        values = [p.grad for p in self.net.parameters() if p.grad is not None] + [self.loss]
        flat = torch.cat([v.flatten() for v in values])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        for v, part in zip(values, flat.split([v.numel() for v in values])):
            v.copy_(part.view_as(v))
