"""Trains an ItNet on CamVid, with rendered scenes mixed in on request. Runs on CPU cores.

One process a core, each with its own part of the batch, gradients added once a step: on cores shared
with other work this is several times as fast as one process with as many threads.

The learning rate follows the progress of the run from 0 to 1: the share of `--minutes` that has passed
(whatever the machine gave), or of `--epochs`. Stop it at any time and start it again with the same
`--out` to go on; `--minutes`, `--epochs`, `--extra` and `--share` may be changed then.
"""

import argparse
import copy
import csv
import json
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
from net import CLASSES, ItNet, SIZES

SMALL, FULL = (240, 320), (360, 480)
LOG_FIELDS = "step progress minutes epoch lr loss norm skipped images_per_s crop extra val".split()


def exit_weights(n):
    """The last exit weighs as much as all the others together."""
    return [0.5 / (n - 1)] * (n - 1) + [0.5] if n > 1 else [1.0]


def loss_of(exits, labels, weights, distil):
    """Weighted cross-entropy at half size on every exit, and the last exit taught to the earlier ones."""
    logits = [F.interpolate(x.float(), scale_factor=2, mode="bilinear") for x in exits]
    loss = 0.0
    teacher = logits[-1].detach().softmax(1)
    known = (labels != sets.VOID).float()
    for k, (x, w) in enumerate(zip(logits, exit_weights(len(exits)))):
        loss = loss + w * F.cross_entropy(x, labels, weights, ignore_index=sets.VOID)
        if distil and k + 1 < len(exits):
            cross = -(teacher * x.log_softmax(1)).sum(1)
            loss = loss + distil * w * (cross * known).sum() / known.sum().clamp(min=1)
    return loss


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


def grown(state, had, has):
    """A checkpoint's tensors for a network of more iterations: the last one's normalisation is copied."""
    more = {}
    for key, value in state.items():
        if f".each.{had - 1}." in key:
            for t in range(had, has):
                more[key.replace(f".each.{had - 1}.", f".each.{t}.")] = value.clone()
    return state | more


class Run:
    """Everything a checkpoint holds, and how one optimiser step is made."""

    def __init__(self, args, rank=0):
        self.args, self.out, self.rank = args, Path(args.out), rank
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        size = replace(SIZES[args.size], iterations=max(args.unroll))
        self.net = ItNet(size).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.Adam(self.groups())
        self.step, self.images, self.skipped, self.elapsed, self.norm = 0, 0, 0, 0.0, 0.0
        if (self.out / "last.pt").exists():
            self.resume()

    def groups(self):
        """Weight decay on convolutions only."""
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.ndim <= 1]
        return [{"params": decayed, "weight_decay": self.args.decay}, {"params": plain}]

    def resume(self):
        saved = torch.load(self.out / "last.pt", weights_only=True)
        had, has = saved["size"]["iterations"], self.net.size.iterations
        self.net.load_state_dict(grown(saved["net"], had, has))
        self.average.load_state_dict(grown(saved["ema"], had, has))
        if had == has:
            self.optimiser.load_state_dict(saved["optimiser"])
        for key in ("step", "images", "skipped", "elapsed"):
            setattr(self, key, saved[key])
        if self.rank == 0:
            print(f"resumed at step {self.step}, {self.elapsed / 60:.1f} minutes", flush=True)

    def save(self):
        state = {"net": self.net.state_dict(), "ema": self.average.state_dict()}
        state |= {"optimiser": self.optimiser.state_dict(), "size": self.net.size.to_dict()}
        state |= {k: getattr(self, k) for k in ("step", "images", "skipped", "elapsed")}
        torch.save(state, self.out / "new.pt")
        (self.out / "new.pt").replace(self.out / "last.pt")

    def progress(self, frames):
        a = self.args
        done = self.images / (a.epochs * frames) if a.epochs else self.elapsed / (a.minutes * 60)
        return min(done, 1.0)

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

    def learn(self, images, labels, weights, progress, now_at):
        """One optimiser step at `progress`, the same in all processes. Returns the loss and the first
        process's `now_at`, with which all of them go on."""
        a = self.args
        for group in self.optimiser.param_groups:
            group["lr"] = a.lr * max(1 - progress, 0.0) ** 0.9 * min(1.0, (self.step + 1) / a.warmup)
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16):
            exits = self.net(images, a.unroll[self.step % len(a.unroll)])
        offset = self.step // len(a.unroll) % 2
        loss = loss_of(exits, labels[:, offset::2, offset::2], weights, a.distil if progress > 0.2 else 0.0)
        self.optimiser.zero_grad()
        loss.backward()
        loss, shared = self.gather(loss.item(), now_at)
        self.norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0).item()
        self.step += 1
        self.images += len(images) * dist.get_world_size()
        if np.isfinite(self.norm) and np.isfinite(loss):
            self.optimiser.step()
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
    """Training sets (CamVid first), their shares of a batch, and the validation pictures."""
    frames = [sets.camvid(args.camvid, "train")]
    if args.with_val:
        frames.append(sets.camvid(args.camvid, "val"))
    frames += [sets.scenes(folder) for folder in args.extra]
    shares = [0.2] * args.with_val + [args.share / max(1, len(args.extra))] * len(args.extra)
    return frames, [1 - sum(shares), *shares], sets.camvid(args.camvid, "val", args.val_every)


def train(args, rank):
    run = Run(args, rank)
    frames, shares, val = load_sets(args)
    weights = sets.class_weights(frames[0])
    watch = Watch(run, shares, val) if rank == 0 else None
    seed = args.seed + 1000 * run.step + rank
    batches = sets.Batches(frames, shares, args.batch // args.processes, SMALL, seed)
    progress, last = run.progress(len(frames[0])), time.monotonic()
    while progress < 1.0:
        batches.size = FULL if progress >= args.full_from else SMALL
        images, labels = batches.next()
        now_at = run.progress(len(frames[0]))
        loss, progress = run.learn(images, labels, weights, progress, now_at)
        now = time.monotonic()
        run.elapsed, last = run.elapsed + now - last, now
        if watch:
            watch.after_step(loss, progress, images.shape, now)
    if watch:
        watch.finish()


class Watch:
    """What the first process does beside learning: reports, validation, checkpoints."""

    def __init__(self, run, shares, val):
        self.run, self.shares, self.val = run, shares, val
        self.log, self.losses, self.images = Log(run.out / "log.csv"), [], run.images
        self.reported = self.saved = self.validated = time.monotonic()

    def after_step(self, loss, progress, shape, now):
        args = self.run.args
        self.losses.append(loss)
        if now - self.reported > args.report_s:
            score = ""
            if now - self.validated > args.validate_s:
                score = json.dumps([round(v, 4) for v in self.score(self.val)[0]])
                self.validated = time.monotonic()
            self.report(progress, shape, (self.run.images - self.images) / (now - self.reported), score)
            self.losses, self.images, self.reported = [], self.run.images, time.monotonic()
        if now - self.saved > args.save_s:
            self.run.save()
            self.saved = now

    def score(self, pictures):
        return validate(self.run.average, pictures, self.run.net.size.iterations + 2)

    def report(self, progress, shape, speed, score):
        run = self.run
        self.log.write(
            step=run.step,
            progress=round(progress, 4),
            minutes=round(run.elapsed / 60, 2),
            epoch=round(run.images / 367, 2),
            lr=f"{run.optimiser.param_groups[0]['lr']:.2e}",
            loss=round(float(np.mean(self.losses)), 4),
            norm=round(run.norm, 2),
            skipped=run.skipped,
            images_per_s=round(speed, 2),
            crop=f"{shape[-1]}x{shape[-2]}",
            extra=round(1 - self.shares[0], 3),
            val=score,
        )

    def finish(self):
        run = self.run
        run.save()
        score, iou = self.score(sets.camvid(run.args.camvid, "val"))
        result = {"miou": score, "iou": iou, "steps": run.step, "images": run.images, "minutes": run.elapsed / 60}
        (run.out / "result.json").write_text(json.dumps(result, indent=1))
        print("val mIoU by exit", [round(v, 4) for v in score], flush=True)


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
    p.add_argument("--minutes", type=float, default=150, help="length of the whole run, restarts included")
    p.add_argument("--epochs", type=float, help="fixed schedule instead of --minutes")
    p.add_argument("--extra", action="append", default=[], help="folder of rendered scenes: images/, labels/")
    p.add_argument("--share", type=float, default=0.2, help="part of every batch from all --extra together")
    p.add_argument("--with-val", action="store_true", help="train on CamVid val too; its scores mean nothing then")
    p.add_argument("--unroll", type=int, nargs="+", default=[4, 4, 6], help="iterations of step after step, in turn")
    p.add_argument("--size", choices=SIZES, default="s")
    p.add_argument("--batch", type=int, default=8, help="over all processes")
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--decay", type=float, default=2e-4)
    p.add_argument("--ema", type=float, default=0.995)
    p.add_argument("--warmup", type=int, default=200, help="optimiser steps")
    p.add_argument("--distil", type=float, default=0.3, help="after a fifth of the run, relative to an exit's loss")
    p.add_argument("--full-from", type=float, default=0.84, help="progress from which crops are 480x360")
    p.add_argument("--val-every", type=int, default=4, help="validate on every n-th frame while training")
    p.add_argument("--report-s", type=float, default=30)
    p.add_argument("--validate-s", type=float, default=240)
    p.add_argument("--save-s", type=float, default=120)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--processes", type=int, default=2)
    p.add_argument("--threads", type=int, default=1, help="of each process")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(process, (args, f"{folder}/meeting"), nprocs=args.processes)


if __name__ == "__main__":
    main()
