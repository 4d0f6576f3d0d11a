"""This crate beside ONNX Runtime, OpenVINO and OpenCV: the same bundle, the same threads, by turns in one run.

Every contender is a process of its own that does nothing until its turn. A round gives each of them one turn, in an order that rotates; ratios are taken
within a round, so that what else the machine does in that second hits both. Prints medians over the rounds, and of ours / theirs the
median with the quartiles, for

- every stage, graph by graph;
- whole frames: data, steps and the last exit, which the others run as one fixed network, built for that exit;
- decoding to the network's input, and rendering of masks, beside OpenCV;
- the peak memory of each process;
- this crate alone: what of a frame, message to message, is not spent in the network; two threads beside one (`--only scaling`); and bundles of several
  sizes beside each other (`--sizes BUNDLE BUNDLE ...`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from fixed import Bundle

HERE = Path(__file__).parent
ENGINES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO f32", "openvino_auto": "OpenVINO auto"}
F32 = ["onnxruntime", "openvino"]
SIZES = [(480, 360), (640, 480), (1280, 720)]
ENCODINGS = ["rgb8", "bgr8", "mono8", "nv12", "yuv422", "bayer_rggb8"]
# As in ours.rs.
PEAK_MACS = 120_000_000
# Milliseconds in which a line of the cache goes to another thread and back, where their CPUs share a cache: there it takes 0.0001 and elsewhere 0.0004.
NEAR = 0.00025
# As long as threads that have nothing to do may spin, in seconds.
REST = 0.03
# Memory that was given back is kept by the allocator: OpenCV would otherwise spend most of its time on fresh pages.
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "10000000000"}


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--ours", default="target/release/examples/ours", help="built by cargo build --release --example ours")
    p.add_argument("--model", default="models/itnet-s", help="folder of the bundle")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--precision", default="f32", choices=["f32", "bf16", "int8", "auto"], help="what ours multiplies")
    p.add_argument("--rounds", type=int, default=12)
    p.add_argument("--frames", type=int, default=5, help="runs in one turn; their median counts")
    p.add_argument("--only", choices=["stages", "pixels", "memory", "line", "scaling"], help="one of the tables")
    p.add_argument("--sizes", nargs="+", metavar="BUNDLE", help="only time by pixels and iterations, of these bundles")
    args = p.parse_args()
    if args.rounds < 2:
        p.error(f"--rounds: expected at least 2, between which quartiles lie, got {args.rounds}")
    return args


class Worker:
    """A process that answers a line with a line."""

    def __init__(self, command, environment=None):
        pipe, environment = subprocess.PIPE, {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} gave up")
        return json.loads(line)

    def peak_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def ours(args, model=None, threads=None):
    return Worker([args.ours, model or args.model, str(threads or args.threads), args.precision])


def theirs(args, name):
    return Worker([sys.executable, str(HERE / "theirs.py"), name, str(args.threads)])


def rounds(args, workers, requests):
    """The answers of every worker in every round: `{worker: [answer]}`."""
    answers = {name: [] for name in workers}
    order = list(workers)
    for _ in range(args.rounds):
        for name in order:
            answers[name].append(workers[name].ask(**requests[name]))
            time.sleep(REST)
        order = order[1:] + order[:1]
    return answers


def column(answers, key):
    return [answer[key] for answer in answers]


def ratio(mine, others, digits=2):
    """The median of the rounds' ratios and their quartiles; against the fastest by median."""
    best = min(others, key=statistics.median)
    low, middle, high = statistics.quantiles([a / b for a, b in zip(mine, best)], n=4)
    return f"{middle:{digits + 3}.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def stages(args):
    bundle = Bundle(args.model)
    files = {Path(file).stem: str(bundle.path(file)) for file in bundle.files()}
    with tempfile.TemporaryDirectory() as folder:
        graphs = dict(files)
        for exit in range(1, bundle.iterations + 1):
            path = Path(folder) / f"frame_{exit}.onnx"
            path.write_bytes(bundle.fixed(exit))
            graphs[f"frame {exit}"] = str(path)
        workers = {"itnet": ours(args), **{name: theirs(args, name) for name in ENGINES}}
        for name in ENGINES:
            workers[name].ask(load=graphs)
    requests = {name: {"time": args.frames} for name in workers}
    for name, worker in workers.items():
        worker.ask(**requests[name])
    answers = rounds(args, workers, requests)
    for worker in workers.values():
        worker.end()
    print(f"{'ms':10} {'itnet':>8}" + "".join(f" {label:>13}" for label in ENGINES.values()), end="")
    print(f" {'/ faster f32':>21} {'/ OpenVINO auto':>21}")
    for key in [*files, *(key for key in graphs if key.startswith("frame"))]:
        columns = {name: column(answers[name], key) for name in workers}
        line = f"{key:10} {statistics.median(columns['itnet']):8.3f}"
        line += "".join(f" {statistics.median(columns[name]):13.3f}" for name in ENGINES)
        line += f" {ratio(columns['itnet'], [columns[name] for name in F32]):>21}"
        print(line + f" {ratio(columns['itnet'], [columns['openvino_auto']]):>21}")


def pixels(args):
    manifest = json.loads((Path(args.model) / "manifest.json").read_text())
    spec = manifest["input"]
    to = (spec["width"], spec["height"])
    triple = lambda key: ",".join(str(value) for value in spec[key])
    # Ours makes a tensor or a mask alone on one thread, whatever the network has.
    opencv = [sys.executable, str(HERE / "opencv.py"), "1", triple("mean"), triple("std")]
    workers = {"itnet": ours(args), "OpenCV": Worker(opencv, KEEP_PAGES)}
    grid = Bundle(args.model).grid()
    work = [("tensor", {"tensor": encoding, "size": size, "to": to}) for encoding in ENCODINGS for size in SIZES]
    work += [("render", {"render": size, "classes": len(manifest["classes"]), "grid": grid}) for size in SIZES]
    print(f"{'ms, one thread each':26} {'itnet':>8} {'OpenCV':>8} {'ratio':>21}")
    for kind, request in work:
        request["time"] = 2 * args.frames
        for worker in workers.values():
            worker.ask(**request)
        answers = rounds(args, workers, {name: request for name in workers})
        mine, other = (column(answers[name], kind) for name in workers)
        width, height = request.get("size") or request["render"]
        label = f"{kind} {request['tensor'] if kind == 'tensor' else ''} {width}x{height}"
        print(f"{label:26} {statistics.median(mine):8.3f} {statistics.median(other):8.3f} {ratio(mine, [other]):>21}")
    for worker in workers.values():
        worker.end()


def memory(args):
    """Peaks after a few frames: every graph loaded, and the last exit's frame as a fixed network alone."""
    bundle = Bundle(args.model)
    worker = ours(args)
    worker.ask(time=3)
    mine = worker.peak_mib()
    worker.end()
    print(f"{'peak MiB':14} {'all graphs':>11} {'ratio':>6} {'one frame':>11} {'ratio':>6} {'without a graph':>16}")
    print(f"{'itnet':14} {mine:11.1f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.onnx"
        path.write_bytes(bundle.fixed(bundle.iterations))
        for name, label in ENGINES.items():
            peaks = []
            for load in [{Path(f).stem: str(bundle.path(f)) for f in bundle.files()}, {"frame": str(path)}, {}]:
                worker = theirs(args, name)
                worker.ask(load=load, time=3)
                peaks.append(worker.peak_mib())
                worker.end()
            every, fixed, none = peaks
            print(f"{label:14} {every:11.1f} {mine / every:6.2f} {fixed:11.1f} {mine / fixed:6.2f} {none:16.1f}")


def line(args):
    """What of a frame is not spent in data, steps and exit: reading the message, tensor, planning, mask, writing the message. Beside it what merely
    loading each line of the cache of the image takes once the network has run."""
    worker = ours(args)
    print(f"{'rgb8 to mono8':22} {'frame ms':>9} {'rest ms':>9} {'tensor':>9} {'mask':>9} {'loads':>9} {'rest / frame':>24}")
    for size in SIZES:
        request = {"itnet": {"line": size, "time": args.frames}}
        answers = rounds(args, {"itnet": worker}, request)["itnet"]
        for exit in range(1, Bundle(args.model).iterations + 1):
            parts = [column(answers, f"{part} {exit}") for part in ["frame", "rest", "tensor", "mask", "loads"]]
            text = f"{f'{size[0]}x{size[1]} to exit {exit}':22}" + "".join(f" {statistics.median(part):9.3f}" for part in parts)
            whole, rest, *_ = parts
            print(f"{text} {ratio(rest, [whole], 3):>24}")
    worker.end()


def scaling(args):
    """One thread beside two, and apart the rounds in which both CPUs shared a cache: a machine's host may move them."""
    workers = {threads: ours(args, threads=threads) for threads in [1, 2]}
    answers = {threads: [] for threads in workers}
    for worker in workers.values():
        worker.ask(time=args.frames)
    for _ in range(args.rounds):
        for threads, worker in workers.items():
            before = worker.ask(**{"pass": True}, time=20)["pass"]
            answer = worker.ask(time=args.frames) | worker.ask(peak=True, time=20)
            after = worker.ask(**{"pass": True}, time=20)["pass"]
            answers[threads].append(answer | {"pass": max(before, after)})
            time.sleep(REST)
    pairs = list(zip(answers[1], answers[2]))
    near = [pair for pair in pairs if pair[1]["pass"] < NEAR]
    gmacs = PEAK_MACS / 1e6 / statistics.median(column(answers[1], "peak"))
    print(f"One thread: {gmacs:.0f} G multiply-adds a second. In {len(near)} of {len(pairs)} rounds both CPUs shared a cache.")
    print(f"{'ms':10} {'1 thread':>9} {'2 threads':>9} {'1 / 2, all rounds':>21} {'1 / 2, those rounds':>21}")
    for key in answers[1][0]:
        one, two = column(answers[1], key), column(answers[2], key)
        digits = 6 if key == "pass" else 3
        text = f"{key:10} {statistics.median(one):9.{digits}f} {statistics.median(two):9.{digits}f} {ratio(one, [two]):>21}"
        if len(near) > 1:
            text += f" {ratio([a[key] for a, _ in near], [[b[key] for _, b in near]]):>21}"
        print(text)
    for worker in workers.values():
        worker.end()


def sizes(args):
    """Time by pixels and by iterations."""
    bundles = {name: json.loads((Path(name) / "manifest.json").read_text())["input"] for name in args.sizes}
    workers = {name: ours(args, model=name) for name in bundles}
    requests = {name: {"time": args.frames} for name in bundles}
    for name, worker in workers.items():
        worker.ask(**requests[name])
    answers = rounds(args, workers, requests)
    frames = [key for key in answers[args.sizes[0]][0] if key.startswith("frame")]
    area = {name: bundle["width"] * bundle["height"] for name, bundle in bundles.items()}
    print(f"{'ms':10}" + "".join(f" {'%dx%d' % (b['width'], b['height']):>9} {'ns/pixel':>9} {'/ first':>8}" for b in bundles.values()))
    for key in ["data", *frames]:
        text = f"{key:10}"
        first = [ms / area[args.sizes[0]] for ms in column(answers[args.sizes[0]], key)]
        for name in bundles:
            times = column(answers[name], key)
            middle = statistics.median(times)
            ratio = statistics.median(ms / area[name] / of for ms, of in zip(times, first))
            text += f" {middle:9.3f} {1e6 * middle / area[name]:9.2f} {ratio:8.2f}"
        print(text)
    text = f"{'per step':10}"
    for name in bundles:
        turns = [[b - a for a, b in zip(turn, turn[1:])] for turn in zip(*(column(answers[name], key) for key in frames))]
        means = [statistics.mean(steps) for steps in turns]
        steps = [statistics.median(step / mean for step, mean in zip(step, means)) for step in zip(*turns)]
        text += f" {statistics.median(means):9.3f} {max(abs(step - 1) for step in steps):9.0%} {'':8}"
    print(text + "  (how far the step that differs most lies from the mean)")
    print("/ first: time for each pixel beside that of the first size, median of ratios within a turn; so is a step beside the mean of its turn's")
    for worker in workers.values():
        worker.end()


def main():
    args = options()
    parts = ", ".join(f"{name} {version(name)}" for name in ["onnxruntime", "openvino", "opencv-python-headless"])
    of = " ".join(args.sizes or [args.model])
    print(f"{of}, {args.threads} threads, {args.precision}, {args.rounds} rounds of {args.frames}; {parts}")
    if args.sizes:
        return sizes(args)
    for table in [stages, pixels, memory, line, scaling]:
        if args.only in (None, table.__name__):
            print()
            table(args)


if __name__ == "__main__":
    main()
