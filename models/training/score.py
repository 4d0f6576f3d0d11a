"""Puts measured accuracy into a bundle's manifest: the JSON that `itnet eval --json` writes.

    itnet eval ... --json > eval.json
    python score.py models/itnet-s eval.json --set "camvid val" --frames 101

An entry of the same set and precision is replaced. Numbers are copied as measured, rounded to four decimals.
With `--warm` the scores of warm frames are taken, from the JSON of `itnet eval --warm`.
"""

import argparse
import json
import sys
from pathlib import Path


def entry(result, precision, name, frames, warm):
    exits = [
        {"miou": round(e["miou"], 4), "iou": [None if v is None else round(v, 4) for v in e["iou"]]}
        for e in result["exits"]
    ]
    said = {} if precision == "f32" else {"precision": precision}
    return {"set": name, **said, "frames": frames, **({"warm": True} if warm else {}), "exits": exits}


def key(a):
    """What is measured once."""
    return a["set"], a.get("precision", "f32"), a.get("warm", False)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("bundle", type=Path)
    p.add_argument("result", help="JSON file, or - for standard input")
    p.add_argument("--set", required=True, help='for example "camvid val"')
    p.add_argument("--warm", action="store_true", help="those of warm frames")
    p.add_argument("--frames", type=int, help="when the JSON does not say it")
    args = p.parse_args()
    text = sys.stdin.read() if args.result == "-" else Path(args.result).read_text()
    result = json.loads(text)
    precision = result.get("precision", "f32")
    if args.warm:
        result = result.get("warm") or sys.exit("the JSON has no `warm`; write it with `itnet eval --warm --json`")
    frames = result.get("frames", args.frames)
    if frames is None:
        sys.exit("the JSON has no `frames`; give --frames")
    path = args.bundle / "manifest.json"
    manifest = json.loads(path.read_text())
    new = entry(result, precision, args.set, frames, args.warm)
    others = [a for a in manifest["accuracy"] if key(a) != key(new)]
    manifest["accuracy"] = [*others, new]
    path.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
