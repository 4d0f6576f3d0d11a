"""Our stages beside ONNX Runtime's on the same bundle: same graphs, same threads, by turns in one run.

Every round times `itnet bench` and then ONNX Runtime on graphs of the bundle, so that what else the machine does hits both alike. Prints the
median over the rounds with the lowest and highest, and the ratio of the medians, for each stage.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--itnet", default="target/release/itnet", help="the program to time")
    p.add_argument("--model", default="models/itnet-s", help="folder of the bundle")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--frames", type=int, default=20, help="runs of a stage in one round; their median counts")
    return p.parse_args()


class Theirs:
    """The graphs of a bundle in ONNX Runtime."""

    def __init__(self, model, threads):
        files = json.loads((model / "manifest.json").read_text())["files"]
        so = ort.SessionOptions()
        so.intra_op_num_threads = threads
        paths = [entry["path"] for entry in [files["data"], *files["steps"], *files["exits"]]]
        self.graphs = {Path(p).stem: ort.InferenceSession(str(model / p), so, ["CPUExecutionProvider"]) for p in paths}
        rng = np.random.default_rng(0)
        self.feeds = {
            name: {i.name: rng.standard_normal(i.shape).astype(np.float32) for i in graph.get_inputs()}
            for name, graph in self.graphs.items()
        }

    def round(self, frames):
        """The median of every graph, in milliseconds.

        A graph is run again and again, not one after another as in a frame: the threads of a session spin for a while after each run and would
        stand in the next one's way. So its values are warmer than ours.
        """
        medians = {}
        for name, graph in self.graphs.items():
            took = []
            for run in range(frames + 3):
                start = time.perf_counter()
                graph.run(None, self.feeds[name])
                if run >= 3:
                    took.append(1e3 * (time.perf_counter() - start))
            medians[name] = statistics.median(took)
            time.sleep(0.05)
        return medians


def ours(args):
    command = [args.itnet, "bench", "--json", "--model", args.model]
    command += ["--frames", str(args.frames), "--threads", str(args.threads)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return {stage["name"]: stage["p50_ms"] for stage in json.loads(result.stdout)["stages"]}


def main():
    args = options()
    theirs = Theirs(Path(args.model), args.threads)
    rounds = [(ours(args), theirs.round(args.frames)) for _ in range(args.rounds)]
    print(f"{args.model}, {args.threads} threads, {args.rounds} rounds, ms: median (lowest to highest)\n")
    print(f"{'stage':10} {'itnet':>24} {'ONNX Runtime ' + ort.__version__:>26} {'ratio':>7}")
    for name in theirs.graphs:
        columns = [[side[name] for side in pair] for pair in zip(*rounds)]
        medians = [statistics.median(column) for column in columns]
        text = [f"{m:.3f} ({min(c):.3f} to {max(c):.3f})" for m, c in zip(medians, columns)]
        print(f"{name:10} {text[0]:>24} {text[1]:>26} {medians[0] / medians[1]:7.2f}")


if __name__ == "__main__":
    main()
