"""From CamVid to a bundle by one command: trains, exports, verifies, scores and draws the run.

    python make.py models/itnet-m --size m --camvid CAMVID --work out/m [--extra out/scenes] [options of train.py]

Killed or stopped, the same command goes on from the last epoch. Ends with a failure when the bundle's logits
differ from the checkpoint's, or when ONNX Runtime's mIoU at an exit is not itnet's within 0.1 point.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ITNET = "cargo run --release --quiet --bin itnet --"


def run(*words):
    words = [str(w) for w in words]
    print("+", " ".join(words), flush=True)
    subprocess.run(words, check=True)


def python(tool, *words):
    run(sys.executable, HERE / tool, *words)


def evaluate(args, name, images, labels, listed=None):
    """Scores by itnet in every precision, put into the manifest; in f32 ONNX Runtime must agree."""
    for precision in ("f32", "bf16", "int8"):
        evaluate_in(args, precision, name, images, labels, listed)


def evaluate_in(args, precision, name, images, labels, listed):
    result = Path(args.work) / f"eval {name} {precision}.json"
    choice = ["--list", listed] if listed else []
    words = [*args.itnet.split(), "eval", "--model", args.bundle, "--images", images, "--labels", labels]
    words += ["--precision", precision, "--emulate", "--iterations", json.loads((args.bundle / "manifest.json").read_text())["iterations"]["trained"]]
    words = [str(w) for w in [*words, *choice, "--json"]]
    print("+", " ".join(words), flush=True)
    result.write_bytes(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    if precision == "f32":
        python("reference.py", args.bundle, "--images", images, "--labels", labels, *choice, "--expect", result)
    python("score.py", args.bundle, result, "--set", name)


def evaluate_warm(args, name, images, labels):
    """Scores a video whose frames start warm, put into the manifest."""
    result = Path(args.work) / f"eval {name} warm.json"
    words = [*args.itnet.split(), "eval", "--model", args.bundle, "--images", images, "--labels", labels]
    words = [str(w) for w in [*words, "--warm", "--precision", "f32", "--json"]]
    print("+", " ".join(words), flush=True)
    result.write_bytes(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    python("score.py", args.bundle, result, "--set", name, "--warm")


def left_out(args, parts):
    """A file with the names of the training frames that were left out."""
    import data

    pictures = data.camvid(args.camvid, "train", only=[data.Part(p) for p in parts])
    path = Path(args.work) / "left out.txt"
    path.write_text("\n".join(pictures.names) + "\n")
    return path


def parts_of(options):
    """What of CamVid a run was trained on, in words."""
    left = ", ".join(options["leave_out"])
    train = f"`train` without {left}" if left else "`train`, 367 frames"
    return f"{train}, and `val`, 101 frames," if options["with_val"] else train


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("bundle", type=Path, help="folder to write, models/<name>")
    p.add_argument("--size", required=True)
    p.add_argument("--camvid", required=True, type=Path)
    p.add_argument("--work", required=True, type=Path, help="folder of checkpoint and log; resumed when it has one")
    p.add_argument("--extra", action="append", default=[], help="rendered scenes to train on")
    p.add_argument("--scenes", type=Path, help="rendered scenes to score on, other seeds than --extra")
    p.add_argument("--version", default="0.1.0")
    p.add_argument("--useful", type=int, help="exits that earn (default: all)")
    p.add_argument("--itnet", default=ITNET, help="how itnet is started")
    args, more = p.parse_known_args()
    extra = [word for folder in args.extra for word in ("--extra", folder)]
    checkpoint = args.work / "last.pt"
    python("train.py", "--camvid", args.camvid, "--out", args.work, "--size", args.size, *extra, *more)
    chosen = ["--useful", args.useful] if args.useful else []
    chosen += ["--scenes"] if extra else []
    options = json.loads((args.work / "run.json").read_text())["options"]
    warm = options["warm_steps"] if 0 in options["unroll"] else 0
    chosen += ["--parts", parts_of(options)]
    chosen += ["--warm-steps", warm, "--warm-from", options["warm_from"], "--keep", options["keep"]]
    python("export.py", args.bundle, "--checkpoint", checkpoint, "--version", args.version, *chosen)
    for runtime in ("itnet", "onnxruntime"):
        python("verify.py", args.bundle, "--checkpoint", checkpoint, "--runtime", runtime)
    # What was trained on says nothing of accuracy.
    if not options["with_val"]:
        evaluate(args, "camvid val", args.camvid / "val", args.camvid / "valannot")
        if warm:
            evaluate_warm(args, "camvid val", args.camvid / "val", args.camvid / "valannot")
    parts = options["leave_out"]
    if parts:
        listed = left_out(args, parts)
        evaluate(args, " ".join(["camvid", *parts]), args.camvid / "train", args.camvid / "trainannot", listed)
    if args.scenes:
        evaluate(args, "rendered streets", args.scenes / "images", args.scenes / "labels")
    shutil.copy(args.work / "log.csv", args.bundle / "training.csv")
    shutil.copy(args.work / "run.json", args.bundle / "training.json")
    python("plot.py", args.bundle / "training.csv", args.bundle / "training.png")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        # It has said why itself.
        sys.exit(error.returncode)
