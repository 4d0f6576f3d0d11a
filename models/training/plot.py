"""Draws log.csv of a run: loss, and mIoU of every exit on the validation subset, over time."""

import argparse
import csv
import json
from pathlib import Path


def main() -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("log")
    p.add_argument("out", help="PNG or SVG file")
    p.add_argument("--trained", type=int, default=4, help="exits beyond are dashed")
    args = p.parse_args()
    rows = list(csv.DictReader(Path(args.log).open()))
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e2e2e2"})
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained", height_ratios=(2, 3))
    losses = [float(r["loss"]) for r in rows]
    top.plot([float(r["minutes"]) for r in rows], losses, color="#444444", lw=1.2)
    top.set_yscale("log")
    # Plain numbers, not powers of ten.
    ticks = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 3, 5, 10, 20]
    top.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    top.minorticks_off()
    top.set_ylim(0.85 * min(losses), 1.1 * max(losses))
    top.set_ylabel("training loss")
    scored = [(float(r["minutes"]), json.loads(r["val"])) for r in rows if r["val"]]
    exits = max((len(v) for _, v in scored), default=0)
    # Light to dark, so that lightness alone tells them apart.
    for k, color in enumerate(plt.cm.viridis([0.78 * (1 - k / max(exits - 1, 1)) for k in range(exits)])):
        points = [(m, 100 * v[k]) for m, v in scored if len(v) > k]
        trained = k < args.trained
        bottom.plot(*zip(*points), "o-" if trained else "--", color=color, ms=4, label=f"exit {k + 1}" + ("" if trained else f", past the bundle's {args.trained}"))
    bottom.yaxis.set_major_locator(plt.MultipleLocator(5))
    bottom.set_ylabel("mIoU, %, validation subset")
    bottom.set_xlabel("minutes of training")
    bottom.set_xlim(0)
    if exits:
        bottom.legend(*(reversed(of) for of in bottom.get_legend_handles_labels()), loc="lower right", frameon=False)
    fig.savefig(args.out, dpi=160)


if __name__ == "__main__":
    main()
