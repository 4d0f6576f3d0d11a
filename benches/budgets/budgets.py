"""mIoU against wall-clock budget: itnet under each budget, at fixed depths, and the unrolled graph in ONNX Runtime.

`itnet eval --budget-ms` runs labelled frames in real time, under every budget and at every fixed depth by turns, frame by frame. The same network, unrolled to
one graph of each depth, is then timed in ONNX Runtime on the same thread count, the depths by turns; what surrounds the network is charged to it as itnet's decoding and rendering take
it, and its masks are those of the exit, as `benches/compare` and the bundle's own check hold the graphs to each other. A mask that is late is worth
nothing: a score is the mIoU of the masks in time, times their part of all frames. Writes docs/budgets.md and docs/budgets.png;
draw.py draws the plot of a page anew.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import compose

from draw import Lines, draw

BUDGETS = [5, 6, 7, 8, 10, 12, 15, 20, 25, 33, 40, 50, 66, 80, 100, 150, 200]


def options() -> argparse.Namespace:
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


def call(args: argparse.Namespace, *words) -> dict:
    result = subprocess.run([args.itnet, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def unrolled(model: Path, files: dict, depth: int) -> onnx.ModelProto:
    """Data, `depth` steps and the exit after them as one graph."""

    def part(path: str, prefix: str) -> onnx.ModelProto:
        return compose.add_prefix(onnx.load(model / path), prefix)

    def chosen(paths: list[dict], iteration: int) -> str:
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


def theirs(args: argparse.Namespace, model: Path, files: dict, depths: int, frames: int, around_ms: float) -> np.ndarray:
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


def measure(args: argparse.Namespace, model: Path, listed: str) -> tuple[dict, str, Lines]:
    """What itnet says of a bundle, its precision, and all scores in %, one row a line of the plot, one column a budget."""
    files = json.loads((model / "manifest.json").read_text())["files"]
    common = ["--model", model, "--threads", args.threads, "--json"]
    frames = ["--images", args.images, "--labels", args.labels, "--list", listed]
    ours = call(args, "eval", *common, *frames, "--budget-ms", ",".join(map(str, BUDGETS)), "--rounds", args.rounds)
    mious = [exit["miou"] for exit in call(args, "eval", *common, *frames, "--precision", "f32")["exits"]]
    benched = call(args, "bench", *common)
    stages = {stage["name"]: stage["p50_ms"] for stage in benched["stages"]}
    around = stages["decode"] + stages["render"]
    lines = {"anytime": [100 * at["score"] for at in ours["anytime"]]}
    for depth, fixed in enumerate(ours["fixed"], 1):
        lines[f"fixed {depth}"] = [100 * at["score"] for at in fixed]
    took = theirs(args, model, files, len(ours["fixed"]), ours["frames"], around)
    for depth, miou in enumerate(mious, 1):
        lines[f"ORT {depth}"] = [100 * miou * float(np.mean(took[depth - 1] <= budget)) for budget in BUDGETS]
    return ours, benched["precision"], lines


def table(ours: dict, lines: Lines) -> list[str]:
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


def processor() -> str:
    """Its name, and the widest of the vector instructions that decide what it is to itnet."""
    info = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    flags = info.get("flags", "").split()
    widest = next((name for name, flag in (("AMX", "amx_bf16"), ("AVX-512", "avx512f"), ("AVX2 only", "avx2")) if flag in flags), "neither AMX, AVX-512 nor AVX2")
    name = info.get("model name", "processor without a name").split(" @ ")[0]
    for noise in ("(R)", "(TM)", " Processor", " CPU"):
        name = name.replace(noise, "")
    # Virtual processors are named by less than their generation, and may lack what it has. By the models that Linux's `bsp_init_amd` knows.
    model = int(info.get("model", 0))
    zen4 = 0x10 <= model <= 0x1F or 0x60 <= model <= 0xAF
    generation = {"25": "Zen 4" if zen4 else "Zen 3", "26": "Zen 5"}.get(info.get("cpu family", ""))
    return f"{name} ({generation}) with {widest}" if generation else f"{name} with {widest}"


def command(args: argparse.Namespace) -> str:
    """This program's command line as it was given, but for where the data lie."""
    private = {str(args.images), str(args.labels)}
    return shlex.join(["python3", *("DIR" if word in private else word for word in sys.argv)])


def main() -> None:
    args = options()
    names = sorted(path.name for path in args.images.glob("*.png"))[:: args.every]
    models = [Path(model) for model in args.model or ["models/itnet-s", "models/itnet-m"]]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(names))
        listed.flush()
        measured = [measure(args, model, listed.name) for model in models]
    on = processor()
    precision = " and ".join(dict.fromkeys(precision for _, precision, _ in measured))
    text = [f"# mIoU against budget: {on}, {precision}", "", "![The same as a plot](budgets.png)", ""]
    text += [
        f"Scores in %, on {len(names)} frames of CamVid `val`, {args.rounds} times each, {args.threads} thread: the mIoU of the masks that are out in time, times",
        "their part of all; a late mask is worth nothing. All budgets and depths take turns frame by frame. `anytime` is itnet under the budget as it comes",
        f"(`precision: auto`, which is {precision} here), `fixed n` itnet at n iterations, `ORT n` the graph unrolled to n iterations in ONNX Runtime {ort.__version__} (f32), with itnet's",
        f"decoding and rendering around it, and scored with the mIoU of n iterations in f32. Made on an {on} by",
        f"`{command(args)}`.",
    ]
    for ours, _, lines in measured:
        text += ["", *table(ours, lines)]
    args.out.mkdir(parents=True, exist_ok=True)
    page = args.out / "budgets.md"
    page.write_text("\n".join(text) + "\n")
    draw(page)
    print("\n".join(text))


if __name__ == "__main__":
    main()
