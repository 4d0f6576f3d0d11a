"""Draws log.csv of a run: loss, and mIoU of every exit on the validation subset, over time."""

import argparse
import csv
import json
from pathlib import Path


def main():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("log")
    p.add_argument("out", help="PNG or SVG file")
    p.add_argument("--trained", type=int, default=4, help="exits beyond are dashed")
    args = p.parse_args()
    rows = list(csv.DictReader(Path(args.log).open()))
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    top.plot([float(r["minutes"]) for r in rows], [float(r["loss"]) for r in rows], lw=0.8)
    top.set_yscale("log")
    top.set_ylabel("training loss")
    scored = [(float(r["minutes"]), json.loads(r["val"])) for r in rows if r["val"]]
    for k in range(max((len(v) for _, v in scored), default=0)):
        style = "-" if k < args.trained else "--"
        points = [(m, 100 * v[k]) for m, v in scored if len(v) > k]
        bottom.plot(*zip(*points), style, label=f"exit {k + 1}")
    bottom.set_ylabel("mIoU %, validation subset")
    bottom.set_xlabel("minutes of training")
    bottom.legend()
    fig.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
