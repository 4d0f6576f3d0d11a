"""Trains an ItNet on CamVid, with rendered scenes mixed in on request: on a GPU, or on processor cores.

On cores there is one process a core, each with its own part of the batch: where they are shared with other work
this is several times as fast as one process with as many threads.

The schedule is fixed, by pictures seen. Stop it at any time and start it again with the same `--out`: it goes on from the
last checkpoint, which is an epoch old at most, or ten seconds where an epoch takes less.
"""

import argparse
import csv
import ctypes
import fcntl
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn import functional as F

import data as sets
from crops import Crops
from net import CLASSES, SIZES
from run import Run

# Large blocks stay with the process: returning them after every operation costs a third of a step in page faults.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
LOG_FIELDS = "step progress minutes epoch rate loss norm skipped images_per_s val".split()
VAL_EVERY = 2  # val is scored on every second frame while training
SAVE_S = 10


@torch.no_grad()
def validate(net, pictures, iterations, device):
    """mIoU of every exit (logits upsampled bilinearly, mean over all 11 classes), and IoU by class."""
    net.eval()
    table = torch.zeros(iterations, CLASSES * CLASSES, dtype=torch.int64, device=device)
    for image, label in zip(pictures.images, pictures.labels):
        x = sets.to_tensor(image)[None].to(device, memory_format=torch.channels_last)
        truth = torch.from_numpy(label).long().to(device)
        valid = truth < CLASSES
        with torch.autocast(device, torch.bfloat16):
            exits = net(x, iterations)
        for k, logits in enumerate(exits):
            full = F.interpolate(logits.float(), size=truth.shape, mode="bilinear")[0].argmax(0)
            table[k] += torch.bincount((truth * CLASSES + full)[valid], minlength=CLASSES**2)
    table = table.view(iterations, CLASSES, CLASSES).cpu()
    hits = table.diagonal(dim1=1, dim2=2).double()
    union = table.sum(1) + table.sum(2) - hits
    iou = hits / union.clamp(min=1)
    return iou.mean(1).tolist(), iou.tolist()


class Log:
    """log.csv: one row a report, appended over restarts. What lies after the checkpoint that a run goes on from is trained, and told, again."""

    def __init__(self, path, step):
        rows = list(csv.DictReader(path.open(newline=""))) if path.exists() else []
        # Beside the old one until it is whole: killed here, a run still has its log.
        new = path.with_suffix(".new")
        self.file = new.open("w", newline="")
        self.rows = csv.DictWriter(self.file, LOG_FIELDS)
        self.rows.writeheader()
        self.rows.writerows(row for row in rows if int(row["step"]) <= step)
        self.file.flush()
        new.replace(path)

    def write(self, **row):
        self.rows.writerow(row)
        self.file.flush()
        print(" ".join(f"{k}={v}" for k, v in row.items()), flush=True)


def load_sets(args):
    """Training sets (CamVid first) and their shares of a batch."""
    frames = [sets.camvid(args.camvid, "train", without=args.leave_out)]
    if args.with_val:
        frames.append(sets.camvid(args.camvid, "val"))
    frames += [sets.scenes(folder) for folder in args.extra]
    shares = [0.1] * args.with_val + [args.share / max(1, len(args.extra))] * len(args.extra)
    return frames, [1 - sum(shares), *shares]


def train(args, rank=0):
    frames, shares = load_sets(args)
    run = Run(args, Crops(frames, shares, args.device, args.seed), sets.class_weights(frames[0]).to(args.device))
    if run.step and rank == 0:
        print(f"resumed at step {run.step}, {run.elapsed / 60:.1f} minutes", flush=True)
    watch = Watch(run, len(frames[0])) if rank == 0 else None
    torch.manual_seed(args.seed + 1000 * run.step + rank)
    whole, last = args.epochs * len(frames[0]), time.monotonic()
    while run.images < whole:
        run.learn(run.images / whole)
        now = time.monotonic()
        run.elapsed, last = run.elapsed + now - last, now
        if watch:
            watch.after_step(run.images / whole, now)
    if watch:
        watch.finish()


class Watch:
    """What the first process does beside learning: reports, scores, checkpoints."""

    def __init__(self, run, frames):
        self.run, self.frames, self.out = run, frames, run.out
        self.val = sets.camvid(run.args.camvid, "val", VAL_EVERY)
        self.log, self.images, self.begun = Log(run.out / "log.csv", run.step), run.images, run.step
        self.reported = self.scored = self.saved_at = time.monotonic()
        self.saved = run.images // frames

    def after_step(self, progress, now):
        run, args = self.run, self.run.args
        if now - self.reported > args.report_s:
            score = ""
            if now - self.scored > args.validate_s:
                score = json.dumps([round(v, 4) for v in self.score(self.val)[0]])
                self.scored = time.monotonic()
            self.report(progress, now, score)
        if run.images // self.frames > self.saved and now - self.saved_at > SAVE_S:
            run.save()
            self.saved, self.saved_at = run.images // self.frames, time.monotonic()

    def score(self, pictures):
        trained = self.run.net.size.iterations
        return validate(self.run.average, pictures, trained + trained // 2, self.run.device)

    def report(self, progress, now, score):
        run = self.run
        self.log.write(
            step=run.step,
            progress=round(progress, 4),
            minutes=round(run.elapsed / 60, 2),
            epoch=round(run.images / self.frames, 2),
            rate=round(run.rate.item(), 4),
            loss=round(run.loss.item(), 4),
            norm=round(run.norm.item(), 2),
            skipped=int(run.skipped.item()),
            images_per_s=round((run.images - self.images) / (now - self.reported), 1),
            val=score,
        )
        self.images, self.reported = run.images, time.monotonic()

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
        # Of a run that was whole before, the log has its last row already.
        if run.step > self.begun:
            self.report(1.0, time.monotonic(), json.dumps([round(v, 4) for v in scores["val"]["miou"]]))
        folders = ("camvid", "out", "extra", "leave_out", "leave_out_names")
        options = {k: v for k, v in vars(args).items() if k not in folders}
        options |= {"extra": len(args.extra), "leave_out": args.leave_out_names}
        facts = {"options": options, "machine": machine(args.device), "torch": torch.__version__, "scores": scores}
        facts |= {"steps": run.step, "images": run.images, "skipped": int(run.skipped.item()), "minutes": run.elapsed / 60}
        (run.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n")


def machine(device):
    """The names of processor and, where it was used, GPU, and how many cores there are."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    gpu = {"gpu": torch.cuda.get_device_name()} if device == "cuda" else {}
    return {"processor": (names or [platform.processor()])[0], "cores": os.cpu_count(), **gpu}


def alone(out):
    """Holds the folder for this run alone, as long as what it gives is kept."""
    lock = (Path(out) / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"{out}: another run trains in this folder; end it first, or give another one") from None
    return lock


def end_with_parent():
    """Where the process that started this one is killed, this one is too: it would go on beside the run that resumes."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def process(rank, args, meeting):
    end_with_parent()
    torch.set_num_threads(args.threads)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=args.processes)
    train(args, rank)
    dist.barrier()
    dist.destroy_process_group()


def parser():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--camvid", required=True, help="folder with train, trainannot, val, valannot")
    p.add_argument("--out", required=True, help="folder of checkpoint and log; resumed when it has one")
    p.add_argument("--epochs", type=float, default=600, help="length of the run, by pictures seen")
    p.add_argument("--extra", action="append", default=[], help="folder of rendered scenes: images/, labels/")
    p.add_argument("--share", type=float, default=0.2, help="part of every batch from all --extra together")
    p.add_argument("--with-val", action="store_true", help="train on CamVid val too; its scores mean nothing then")
    p.add_argument("--leave-out", dest="leave_out_names", action="append", default=[], metavar="PART",
                   help="part of train to leave out and to score on: 0006R0, or frames of it: 0016E5:7000-8640")
    p.add_argument("--iterations", type=int, default=4, help="exits of the bundle, each with its own normalisation")
    p.add_argument("--unroll", type=int, nargs="+", default=[4, 6, 4, 0],
                   help="iterations of step after step, in turn; 0: a warm frame")
    p.add_argument("--warm-steps", type=int, default=2, help="iterations of a warm frame")
    p.add_argument("--warm-from", type=int, default=2, help="the step that a warm frame begins with, from 1")
    p.add_argument("--keep", type=float, default=0.3, help="share of the last frame's state in a warm frame's first")
    p.add_argument("--size", choices=SIZES, default="s")
    p.add_argument("--batch", type=int, default=16, help="over all processes")
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--warmup", type=int, default=200, help="steps")
    p.add_argument("--distil", type=float, default=0.3, help="after a fifth of the run, relative to an exit's loss")
    p.add_argument("--iou", type=float, default=0.5, help="weight of the Lovasz loss after a fifth of the run")
    p.add_argument("--report-s", type=float, default=5)
    p.add_argument("--validate-s", type=float, default=60)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--processes", type=int, help="on cores, a divisor of the batch; one a core, as far as that is one")
    p.add_argument("--threads", type=int, default=1, help="of each process")
    return p


def resolved(args):
    args.leave_out = [sets.Part(text) for text in args.leave_out_names]
    if args.device == "cuda":
        args.processes = 1
    elif not args.processes:
        # Each draws as many crops as the others.
        args.processes = max(n for n in range(1, os.cpu_count() + 1) if args.batch % n == 0)
    elif args.batch % args.processes:
        raise SystemExit(f"--processes: expected a divisor of the batch of {args.batch}, got {args.processes}")
    Path(args.out).mkdir(parents=True, exist_ok=True)
    return args


def main():
    args = resolved(parser().parse_args())
    lock = alone(args.out)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    if args.device == "cuda":
        return train(args)
    os.environ.update(MALLOC)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(process, (args, f"{folder}/meeting"), nprocs=args.processes)
    lock.close()


if __name__ == "__main__":
    main()
