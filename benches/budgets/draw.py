"""Draws the plot of a page that budgets.py wrote anew, from the page's own tables: docs/amx/budgets.md gives docs/amx/budgets.png.

Above, itnet under each budget beside itself at fixed depths; below, beside ONNX Runtime. A score holds from its budget to the next that was measured.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

Lines = dict[str, list[float]]
BESIDE = {"fixed": "its fixed depths", "ORT": "ONNX Runtime (f32)"}
# The scores that matter lie close together: what is below this has a fifth of the scale.
NARROW = 50
SCALE = ([-NARROW, NARROW, 100], [-NARROW / 5, NARROW / 5, 100 - NARROW * 4 / 5])


def tables(page: str) -> dict[str, Lines]:
    """The columns of every bundle's table, by their headings."""
    found = {}
    for section in page.split("\n## ")[1:]:
        name, *text = section.splitlines()
        heads, _, *rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text if row.startswith("|")]
        found[name] = {head: [float(cell) for cell in cells] for head, *cells in zip(heads, *rows)}
    return found


def panel(axes: plt.Axes, lines: Lines, kind: str) -> None:
    """The anytime run and every depth of a kind, its number at the end of its line."""
    axes.axhspan(-NARROW, NARROW, color="#f4f4f4", zorder=0)
    axes.grid(color="#e2e2e2", linewidth=0.8)
    budgets = lines["budget, ms"]
    axes.step(budgets, lines["anytime"], where="post", color="#f28e2b", alpha=0.75, linewidth=5, label="itnet, anytime")
    depths = [name for name in lines if name.startswith(f"{kind} ")]
    place = 0.0
    # Light to dark, so that lightness alone tells them apart.
    for name, color in zip(depths, plt.cm.viridis(np.linspace(0.72, 0, len(depths)))):
        depth = name.split()[1]
        axes.step(budgets, lines[name], where="post", color=color, linewidth=1.5, label=f"depth {depth}")
        # Numbers of lines that end close together make room for each other.
        place = max(lines[name][-1] - 0.5, place + 2.2)
        style = dict(color=color, fontweight="bold", va="center", annotation_clip=False)
        axes.annotate(depth, (budgets[-1], place), (4, 0), textcoords="offset points", **style)


def draw(page: Path) -> None:
    text = page.read_text()
    found = tables(text)
    plt.rcParams.update({"font.size": 10, "axes.titlesize": 10.5, "axes.spines.top": False, "axes.spines.right": False})
    figure, grid = plt.subplots(2, len(found), figsize=(4.15 * len(found), 6.6), squeeze=False, sharex=True, sharey=True)
    for column, (name, lines) in zip(grid.T, found.items()):
        for axes, (kind, beside) in zip(column, BESIDE.items()):
            panel(axes, lines, kind)
            axes.set_title(f"{name} beside {beside}", loc="left")
        column[-1].set_xlabel("budget, ms")
    first = grid[0][0]
    first.set(xscale="log", xlim=(5, 200))
    first.set_xticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
    first.minorticks_off()
    first.set_yscale("function", functions=(lambda y: np.interp(y, *SCALE), lambda y: np.interp(y, *SCALE[::-1])))
    first.set(ylim=(-8, 78), yticks=[0, *range(NARROW, 80, 5)])
    first.text(190, NARROW / 2, f"below {NARROW}: a fifth of the scale", color="#666666", fontsize=9, ha="right", va="center")
    figure.suptitle(text.splitlines()[0].removeprefix("# "), x=0.01, y=0.99, ha="left", va="top", fontsize=13, fontweight="bold")
    figure.supylabel("mIoU × share of masks in time, %", fontsize=10)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.005, 0.955), ncols=len(handles), frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.965), w_pad=1.5)
    figure.savefig(page.with_suffix(".png"), dpi=200)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("pages", type=Path, nargs="+", metavar="PAGE", help="such as docs/budgets.md")
    for page in p.parse_args().pages:
        draw(page)


if __name__ == "__main__":
    main()
