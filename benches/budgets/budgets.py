"""mIoU against wall-clock budget: itnet under each budget, at fixed depths, and the unrolled graph in ONNX Runtime.

`itnet eval --budget-ms` runs labelled frames in real time, under every budget and at every fixed depth by turns, frame by frame. The same network, unrolled to
one graph of each depth, is then timed in ONNX Runtime on the same thread count, the depths by turns; what surrounds the network is charged to it as itnet's decoding and rendering take
it, and its masks are those of the exit, as `benches/compare` and the bundle's own check hold the graphs to each other. A mask that is late is worth
nothing: a score is the mIoU of the masks in time, times their part of all frames. Writes docs/budgets.md and docs/budgets.png.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np
import onnx
import onnxruntime as ort
from onnx import compose

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

BUDGETS = [5, 6, 7, 8, 10, 12, 15, 20, 25, 33, 40, 50, 66, 80, 100, 150, 200]


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--itnet", default="target/release/itnet", help="the program")
    p.add_argument("--model", action="append", help="folder of a bundle; give it again for more [default: models/itnet-s and models/itnet-m]")
    p.add_argument("--images", type=Path, required=True, help="folder of the frames")
    p.add_argument("--labels", type=Path, required=True, help="folder of their labels")
    p.add_argument("--rounds", type=int, default=3, help="how often every frame runs")
    p.add_argument("--every", type=int, default=1, help="take every so manieth frame")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to")
    return p.parse_args()


def call(args, *words):
    result = subprocess.run([args.itnet, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def unrolled(model, files, depth):
    """Data, `depth` steps and the exit after them as one graph."""

    def part(path, prefix):
        return compose.add_prefix(onnx.load(model / path), prefix)

    def chosen(paths, iteration):
        return paths[min(iteration, len(paths)) - 1]["path"]

    whole = part(files["data"]["path"], "data_")
    # Every state and where it is made: data's outputs, then what steps have replaced.
    state = {value.name.removeprefix("data_"): value.name for value in whole.graph.output}
    stages = [(f"s{i}_", chosen(files["steps"], i)) for i in range(1, depth + 1)]
    for prefix, path in [*stages, ("exit_", chosen(files["exits"], depth))]:
        stage = part(path, prefix)
        renamed = {value.name: state[value.name.removeprefix(prefix)] for value in stage.graph.input}
        for node in stage.graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        whole.graph.node.extend(stage.graph.node)
        whole.graph.initializer.extend(stage.graph.initializer)
        made = [value.name for value in stage.graph.output]
        state |= {name.removeprefix(prefix).removesuffix("_next"): name for name in made}
    del whole.graph.output[:]
    whole.graph.output.extend(stage.graph.output)
    onnx.checker.check_model(whole)
    return whole


def theirs(args, model, files, depths, frames, around_ms):
    """Time of every frame in ONNX Runtime at every depth, by turns, in ms, with what surrounds the network."""
    so = ort.SessionOptions()
    so.intra_op_num_threads = args.threads
    sessions = []
    with tempfile.TemporaryDirectory() as folder:
        for depth in range(1, depths + 1):
            path = Path(folder) / f"unrolled_{depth}.onnx"
            onnx.save(unrolled(model, files, depth), str(path))
            sessions.append(ort.InferenceSession(str(path), so, ["CPUExecutionProvider"]))
    image = sessions[0].get_inputs()[0]
    feed = np.random.default_rng(0).standard_normal(image.shape).astype(np.float32)
    took = np.zeros((depths, frames))
    for run in range(-10, frames):
        for depth, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: feed})
            if run >= 0:
                took[depth, run] = 1e3 * (time.perf_counter() - start) + around_ms
    return took


def measure(args, model, listed):
    """All scores of a bundle in %, one row a line of the plot, one column a budget."""
    files = json.loads((model / "manifest.json").read_text())["files"]
    common = ["--model", model, "--threads", args.threads, "--json"]
    ours = call(args, "eval", *common, "--images", args.images, "--labels", args.labels, "--list", listed,
                "--budget-ms", ",".join(map(str, BUDGETS)), "--rounds", args.rounds)
    stages = {stage["name"]: stage["p50_ms"] for stage in call(args, "bench", *common)["stages"]}
    around = stages["decode"] + stages["render"]
    lines = {"anytime": [100 * at["score"] for at in ours["anytime"]]}
    for depth, fixed in enumerate(ours["fixed"], 1):
        lines[f"fixed {depth}"] = [100 * at["score"] for at in fixed]
    took = theirs(args, model, files, len(ours["fixed"]), ours["frames"], around)
    for depth, fixed in enumerate(ours["fixed"], 1):
        miou = fixed[-1]["miou"]
        lines[f"ORT {depth}"] = [100 * miou * float(np.mean(took[depth - 1] <= budget)) for budget in BUDGETS]
    return ours, lines


def table(model, ours, lines):
    """The bundle's table, and where anything is above the anytime run by more than a tenth of a point."""
    text = [f"## {ours['model']}", ""]
    text += ["| budget, ms | in time, % | mean exit | " + " | ".join(lines) + " |", "|---" * (3 + len(lines)) + "|"]
    above = []
    for place, (budget, at) in enumerate(zip(BUDGETS, ours["anytime"])):
        scores = {name: line[place] for name, line in lines.items()}
        cells = [f"{100 * at['in_time']:.0f}", f"{at['mean_exit']:.2f}", *(f"{score:.1f}" for score in scores.values())]
        text.append(f"| {budget} | " + " | ".join(cells) + " |")
        best = max(scores, key=scores.get)
        if scores[best] > scores["anytime"] + 0.1:
            above.append(f"{budget} ms: {best} by {scores[best] - scores['anytime']:.1f}")
    text += ["", "Above the anytime run by more than 0.1: " + ("; ".join(above) or "nothing") + "."]
    return text


def processor():
    """Its name, and the widest of the vector instructions that decide what it is to itnet."""
    info = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    widest = next((name for name, flag in (("AMX", "amx_bf16"), ("AVX-512", "avx512f"), ("AVX2", "avx2")) if flag in info.get("flags", "").split()), "neither AMX, AVX-512 nor AVX2")
    return f"{info.get('model name', 'a processor without a name')} with {widest}"


def plot(axes, name, lines):
    for line, scores in lines.items():
        kind = line.split()[0]
        style = {
            "anytime": dict(color="#c1272d", linewidth=2.6, marker="o", markersize=4, zorder=3, label="itnet, anytime"),
            "fixed": dict(color="#4a6fa5", linewidth=1.1, linestyle="-", label="itnet, fixed depth"),
            "ORT": dict(color="#777777", linewidth=1.1, linestyle="--", label="ONNX Runtime, unrolled"),
        }[kind]
        if kind != "anytime" and not line.endswith(" 1"):
            style.pop("label")
        axes.plot(BUDGETS, scores, drawstyle="default" if kind == "anytime" else "steps-post", **style)
    axes.set(xscale="log", xlabel="budget, ms", title=name, ylim=(-2, 80))
    axes.set_xticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def main():
    args = options()
    names = sorted(path.name for path in args.images.glob("*.png"))[:: args.every]
    models = [Path(model) for model in args.model or ["models/itnet-s", "models/itnet-m"]]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(names))
        listed.flush()
        measured = [measure(args, model, listed.name) for model in models]
    figure, all_axes = plt.subplots(1, len(models), figsize=(6.5 * len(models), 4.4), squeeze=False, sharey=True)
    text = ["# mIoU against budget", "", "![The same as a plot](budgets.png)", ""]
    text += [
        f"Scores in %, on {len(names)} frames of CamVid `val`, {args.rounds} times each, {args.threads} thread: the mIoU of the masks that are out in time, times",
        "their part of all; a late mask is worth nothing. All budgets and depths take turns frame by frame. `anytime` is itnet under the budget as it comes (`precision: auto`), `fixed n` itnet at n iterations, `ORT n` the graph unrolled to n",
        f"iterations in ONNX Runtime {ort.__version__}, with itnet's decoding and rendering around it. Made on an {processor()} by",
        f"`python3 benches/budgets/budgets.py --images DIR --labels DIR --every {args.every} --rounds {args.rounds}`.",
    ]
    for model, axes, (ours, lines) in zip(models, all_axes[0], measured):
        text += ["", *table(model, ours, lines)]
        plot(axes, ours["model"], lines)
    all_axes[0][0].set_ylabel("mIoU of the masks in time x their part, %")
    all_axes[0][0].legend(loc="lower right")
    figure.tight_layout()
    args.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out / "budgets.png", dpi=110)
    (args.out / "budgets.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
