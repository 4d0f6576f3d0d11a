"""Trains an ItNet on CamVid, with rendered scenes mixed in on request. Runs on CPU cores.

One process a core, each with its own part of the batch, gradients added once a step: on cores shared
with other work this is several times as fast as one process with as many threads.

The learning rate follows the progress of the run from 0 to 1: the share of `--epochs` that is done, or of
`--minutes` that have passed (whatever the machine gave). Stop it at any time and start it again with the
same `--out` to go on from the last epoch; `--minutes`, `--epochs`, `--extra` and `--share` may be changed then.
"""

import argparse
import copy
import csv
import json
import os
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn import functional as F

import data as sets
from loss import loss_of
from net import CLASSES, ItNet, SIZES
from optimiser import Muon

# Large blocks stay with the process: returning them after every operation costs a third of a step in page faults.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
CROPS = ((192, 256), (240, 320), (360, 480))  # height, width of the parts of a run
LOG_FIELDS = "step progress minutes epoch lr loss norm skipped images_per_s crop extra val".split()


@torch.no_grad()
def update_average(average, net, step, decay):
    """Exponential moving average of weights and statistics, with a faster start."""
    decay = min(decay, (1 + step) / (10 + step))
    for a, b in zip(average.state_dict().values(), net.state_dict().values()):
        if a.dtype.is_floating_point:
            a.lerp_(b, 1 - decay)
        else:
            a.copy_(b)


@torch.no_grad()
def validate(net, pictures, iterations):
    """mIoU of every exit (logits upsampled bilinearly, mean over all 11 classes), and IoU by class."""
    net.eval()
    table = torch.zeros(iterations, CLASSES, CLASSES, dtype=torch.int64)
    for image, label in zip(pictures.images, pictures.labels):
        x = sets.to_tensor(image)[None].contiguous(memory_format=torch.channels_last)
        truth = torch.from_numpy(np.array(label)).long()
        valid = truth < CLASSES
        with torch.autocast("cpu", torch.bfloat16):
            exits = net(x, iterations)
        for k, logits in enumerate(exits):
            full = F.interpolate(logits.float(), size=truth.shape, mode="bilinear")[0].argmax(0)
            pairs = truth[valid] * CLASSES + full[valid]
            table[k] += torch.bincount(pairs, minlength=CLASSES**2).view(CLASSES, CLASSES)
    hits = table.diagonal(dim1=1, dim2=2).double()
    union = table.sum(1) + table.sum(2) - hits
    iou = hits / union.clamp(min=1)
    return iou.mean(1).tolist(), iou.tolist()


def mixed(start, last, keep):
    """A frame's start (h, g, j, detail) with `keep` of the states (h, g) that the last frame ended with."""
    return *(torch.lerp(a, b.to(a.dtype), keep) for a, b in zip(start[:2], last)), *start[2:]


class Run:
    """Everything a checkpoint holds, and how one optimiser step is made."""

    def __init__(self, args, rank=0):
        self.args, self.out, self.rank = args, Path(args.out), rank
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        size = replace(SIZES[args.size], iterations=max(args.unroll))
        self.net = ItNet(size).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval()
        self.optimisers = self.make_optimisers()
        self.step, self.images, self.skipped, self.elapsed, self.norm = 0, 0, 0, 0.0, 0.0
        if (self.out / "last.pt").exists():
            self.resume()

    def make_optimisers(self):
        """Convolutions with Muon, or with Adam and weight decay; normalisation and biases always with Adam."""
        a = self.args
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim <= 1]
        if a.optimiser == "adam":
            return [torch.optim.Adam([{"params": matrices, "weight_decay": a.decay}, {"params": vectors}], lr=a.lr)]
        return [Muon(matrices, lr=a.muon_lr, decay=a.muon_decay), torch.optim.Adam(vectors, lr=a.lr)]

    def resume(self):
        saved = torch.load(self.out / "last.pt", weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.average.load_state_dict(saved["ema"])
        for optimiser, state in zip(self.optimisers, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        for key in ("step", "images", "skipped", "elapsed"):
            setattr(self, key, saved[key])
        if self.rank == 0:
            print(f"resumed at step {self.step}, {self.elapsed / 60:.1f} minutes", flush=True)

    def save(self):
        state = {"net": self.net.state_dict(), "ema": self.average.state_dict()}
        state |= {"optimisers": [o.state_dict() for o in self.optimisers], "size": self.net.size.to_dict()}
        state |= {k: getattr(self, k) for k in ("step", "images", "skipped", "elapsed")}
        torch.save(state, self.out / "new.pt")
        (self.out / "new.pt").replace(self.out / "last.pt")

    def progress(self, frames):
        a = self.args
        done = self.elapsed / (a.minutes * 60) if a.minutes else self.images / (a.epochs * frames)
        return min(done, 1.0)

    def set_rate(self, progress):
        """Warm-up, then (1 - progress)^0.9, of each optimiser's own first rate."""
        share = max(1 - progress, 0.0) ** 0.9 * min(1.0, (self.step + 1) / self.args.warmup)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * share

    def exits(self, images, before):
        """Logits of a cold frame, or of the warm frame that follows the frame `before`."""
        a = self.args
        count = a.unroll[self.step % len(a.unroll)]
        with torch.autocast("cpu", torch.bfloat16):
            if before is None:
                return self.net(images, count)
            warm = range(a.warm_from - 1, a.warm_from - 1 + a.warm_steps)
            with torch.no_grad():
                start = self.net.data(before)
                last = self.net.run(start, range(self.net.size.iterations))[1]
                if self.step // len(a.unroll) % 2:
                    last = self.net.run(mixed(start, last, a.keep), warm)[1]
            return self.net.run(mixed(self.net.data(images), last, a.keep), warm)[0]

    def gather(self, loss, progress):
        """Mean gradient and loss over the processes; the first one's progress for all of them."""
        for p in self.net.parameters():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        grads = [p.grad for p in self.net.parameters()]
        tail = torch.tensor([loss, progress if self.rank == 0 else 0.0])
        flat = torch.cat([g.flatten() for g in grads] + [tail])
        dist.all_reduce(flat)
        flat[:-1] /= dist.get_world_size()
        for g, part in zip(grads, flat[:-2].split([g.numel() for g in grads])):
            g.copy_(part.view_as(g))
        return flat[-2].item(), flat[-1].item()

    def learn(self, batch, weights, progress, now_at):
        """One optimiser step at `progress`, the same in all processes. Returns the loss and the first
        process's `now_at`, with which all of them go on."""
        a = self.args
        images, labels, before = batch
        self.set_rate(progress)
        self.net.train()
        distil, iou = (a.distil, a.iou) if progress > 0.2 else (0.0, 0.0)
        offset = (self.step * 7 // 4 % 4, self.step % 4)
        loss = loss_of(self.exits(images, before), labels, weights, distil, iou, offset)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        loss.backward()
        loss, shared = self.gather(loss.item(), now_at)
        self.norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0).item()
        self.step += 1
        self.images += len(images) * dist.get_world_size()
        if np.isfinite(self.norm) and np.isfinite(loss):
            for optimiser in self.optimisers:
                optimiser.step()
            update_average(self.average, self.net, self.step, a.ema)
        else:
            self.skipped += 1
        return loss, shared


class Log:
    """log.csv: one row a report, appended over restarts."""

    def __init__(self, path):
        new = not path.exists()
        self.file = path.open("a", newline="")
        self.rows = csv.DictWriter(self.file, LOG_FIELDS)
        if new:
            self.rows.writeheader()

    def write(self, **row):
        self.rows.writerow(row)
        self.file.flush()
        print(" ".join(f"{k}={v}" for k, v in row.items()), flush=True)


def load_sets(args):
    """Training sets (CamVid first), their shares of a batch, and the pictures to score."""
    frames = [sets.camvid(args.camvid, "train", without=args.leave_out)]
    if args.with_val:
        frames.append(sets.camvid(args.camvid, "val"))
    frames += [sets.scenes(folder) for folder in args.extra]
    shares = [0.2] * args.with_val + [args.share / max(1, len(args.extra))] * len(args.extra)
    return frames, [1 - sum(shares), *shares]


def crop_at(progress, larger_at):
    """Height and width of the crops: small ones first, whole pictures at the end."""
    return CROPS[sum(progress >= at for at in larger_at)]


def train(args, rank):
    run = Run(args, rank)
    frames, shares = load_sets(args)
    weights = sets.class_weights(frames[0])
    watch = Watch(run, shares, len(frames[0])) if rank == 0 else None
    batches = sets.Batches(frames, shares, args.batch // args.processes, args.seed + 1000 * run.step + rank)
    batches.start(CROPS[0], [count == 0 for count in args.unroll], run.step)
    progress, last = run.progress(len(frames[0])), time.monotonic()
    while progress < 1.0:
        batches.size = crop_at(progress, args.larger_at)
        batch = batches.next()
        now_at = run.progress(len(frames[0]))
        loss, progress = run.learn(batch, weights, progress, now_at)
        now = time.monotonic()
        run.elapsed, last = run.elapsed + now - last, now
        if watch:
            watch.after_step(loss, progress, batch[0].shape, now)
    if watch:
        watch.finish()


class Watch:
    """What the first process does beside learning: reports, scores, checkpoints."""

    def __init__(self, run, shares, frames):
        args = run.args
        self.run, self.shares, self.frames = run, shares, frames
        self.some = sets.camvid(args.camvid, "val", args.val_every)
        self.log, self.losses, self.images = Log(run.out / "log.csv"), [], run.images
        self.reported = self.scored = time.monotonic()
        self.saved = run.images // frames

    def after_step(self, loss, progress, shape, now):
        args = self.run.args
        self.losses.append(loss)
        if now - self.reported > args.report_s:
            score = ""
            if now - self.scored > args.validate_s:
                score = json.dumps([round(v, 4) for v in self.score(self.some)[0]])
                self.scored = time.monotonic()
            self.report(progress, shape, (self.run.images - self.images) / (now - self.reported), score)
            self.losses, self.images, self.reported = [], self.run.images, time.monotonic()
        if self.run.images // self.frames > self.saved:
            self.run.save()
            self.saved = self.run.images // self.frames

    def score(self, pictures):
        return validate(self.run.average, pictures, self.run.net.size.iterations + 2)

    def report(self, progress, shape, speed, score):
        run = self.run
        self.log.write(
            step=run.step,
            progress=round(progress, 4),
            minutes=round(run.elapsed / 60, 2),
            epoch=round(run.images / self.frames, 2),
            lr=f"{run.optimisers[0].param_groups[0]['lr']:.2e}",
            loss=round(float(np.mean(self.losses)), 4),
            norm=round(run.norm, 2),
            skipped=run.skipped,
            images_per_s=round(speed, 2),
            crop=f"{shape[-1]}x{shape[-2]}",
            extra=round(1 - self.shares[0], 3),
            val=score,
        )

    def finish(self):
        """The last checkpoint, and run.json: what was run on what, and how its average scores."""
        run, args = self.run, self.run.args
        run.save()
        parts = {"val": sets.camvid(args.camvid, "val")}
        if args.leave_out:
            parts["left out"] = sets.camvid(args.camvid, "train", only=args.leave_out)
        scores = {}
        for name, pictures in parts.items():
            miou, iou = self.score(pictures)
            scores[name] = {"frames": len(pictures), "miou": miou, "iou": iou}
            print(f"{name} mIoU by exit", [round(v, 4) for v in miou], flush=True)
        folders = ("camvid", "out", "extra", "leave_out", "leave_out_names")
        options = {k: v for k, v in vars(args).items() if k not in folders}
        options |= {"extra": len(args.extra), "leave_out": args.leave_out_names}
        facts = {"options": options, "machine": machine(), "torch": torch.__version__, "scores": scores}
        facts |= {"steps": run.step, "images": run.images, "skipped": run.skipped, "minutes": run.elapsed / 60}
        (run.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n")


def machine():
    """The processor's name and how many of its cores there are."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    return {"processor": (names or [platform.processor()])[0], "cores": os.cpu_count()}


def process(rank, args, meeting):
    torch.set_num_threads(args.threads)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=args.processes)
    train(args, rank)
    dist.barrier()
    dist.destroy_process_group()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--camvid", required=True, help="folder with train, trainannot, val, valannot")
    p.add_argument("--out", required=True, help="folder of checkpoint and log; resumed when it has one")
    p.add_argument("--epochs", type=float, default=300, help="length of the run, by pictures seen")
    p.add_argument("--minutes", type=float, help="length by the clock instead, restarts included")
    p.add_argument("--extra", action="append", default=[], help="folder of rendered scenes: images/, labels/")
    p.add_argument("--share", type=float, default=0.2, help="part of every batch from all --extra together")
    p.add_argument("--with-val", action="store_true", help="train on CamVid val too; its scores mean nothing then")
    p.add_argument("--leave-out", dest="leave_out_names", action="append", default=[], metavar="PART",
                   help="part of train to leave out and to score on: 0006R0, or frames of it: 0016E5:7000-8640")
    p.add_argument("--unroll", type=int, nargs="+", default=[4, 6, 4, 0],
                   help="iterations of step after step, in turn; 0: a warm frame")
    p.add_argument("--warm-steps", type=int, default=2, help="iterations of a warm frame")
    p.add_argument("--warm-from", type=int, default=2, help="the step that a warm frame begins with, from 1")
    p.add_argument("--keep", type=float, default=0.3, help="share of the last frame's state in a warm frame's first")
    p.add_argument("--size", choices=SIZES, default="s")
    p.add_argument("--batch", type=int, default=8, help="over all processes")
    p.add_argument("--optimiser", choices=["muon", "adam"], default="muon", help="of the convolutions")
    p.add_argument("--muon-lr", type=float, default=0.01)
    p.add_argument("--muon-decay", type=float, default=0.0)
    p.add_argument("--lr", type=float, default=1e-3, help="of Adam")
    p.add_argument("--decay", type=float, default=2e-4, help="with --optimiser adam")
    p.add_argument("--ema", type=float, default=0.998)
    p.add_argument("--warmup", type=int, default=200, help="optimiser steps")
    p.add_argument("--distil", type=float, default=0.3, help="after a fifth of the run, relative to an exit's loss")
    p.add_argument("--iou", type=float, default=0.5, help="weight of the Lovasz loss after a fifth of the run")
    p.add_argument("--larger-at", type=float, nargs=2, default=[0.45, 0.85],
                   help="progress at which crops grow from 256x192 to 320x240, then to 480x360")
    p.add_argument("--val-every", type=int, default=4, help="validate on every n-th frame while training")
    p.add_argument("--report-s", type=float, default=30)
    p.add_argument("--validate-s", type=float, default=300)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--processes", type=int, default=2)
    p.add_argument("--threads", type=int, default=1, help="of each process")
    args = p.parse_args()
    args.leave_out = [sets.Part(text) for text in args.leave_out_names]
    os.environ.update(MALLOC)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(process, (args, f"{folder}/meeting"), nprocs=args.processes)


if __name__ == "__main__":
    main()
