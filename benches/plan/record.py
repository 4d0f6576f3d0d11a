"""Records traces for `itnet plan-bench`: what every stage takes while the machine is idle, loaded, slowed and disturbed.

Each load runs beside `itnet bench --trace` from its first frame to its last. The processor's frequency is not ours to set: instead the program is
stopped for a part of every millisecond (SIGSTOP and SIGCONT), and that part changes every few seconds.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

RUNS = (1.0, 0.75, 0.5, 0.65, 0.85)
CPUS = len(os.sched_getaffinity(0))


@contextmanager
def busy(count):
    """So many processes that do nothing but compute."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def bursts(_, stop, seed):
    """All CPUs taken for 0.1 to 0.6 s, again and again."""
    rng = random.Random(seed)
    while not stop.wait(rng.uniform(0.4, 1.6)):
        with busy(CPUS):
            stop.wait(rng.uniform(0.1, 0.6))


def slowed(process, stop, seed):
    """The program runs for a part of every millisecond; another part every 4 s, from another one on with every seed."""
    start = time.perf_counter()
    while not stop.is_set():
        runs = RUNS[(seed + int((time.perf_counter() - start) / 4)) % len(RUNS)]
        time.sleep(1e-3 * runs)
        if runs < 1:
            process.send_signal(signal.SIGSTOP)
            time.sleep(1e-3 * (1 - runs))
            process.send_signal(signal.SIGCONT)


LOADS = {
    "idle": ("nothing else", 0, None),
    "one_core": (f"one process that only computes, {CPUS} CPUs", 1, None),
    "all_cores": (f"{CPUS} processes that only compute, {CPUS} CPUs", CPUS, None),
    "slowed": ("stopped for 0 to 50 % of every millisecond, another part every 4 s", 0, slowed),
    "bursts": (f"{CPUS} processes that only compute, {CPUS} CPUs, for 0.1 to 0.6 s, 0.4 to 1.6 s apart", 0, bursts),
}


def record(args, load):
    words, hogs, disturb = LOADS[load]
    path = args.out / f"{Path(args.model).name}_{load}{args.suffix}.trace"
    command = [args.itnet, "bench", "--model", args.model, "--threads", str(args.threads), "--frames", str(args.frames)]
    command += ["--precision", args.precision, "--period-ms", str(args.period_ms), "--trace", str(path), "--load", words]
    with ExitStack() as stack:
        stack.enter_context(busy(hogs))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        stop = threading.Event()
        if disturb:
            thread = threading.Thread(target=disturb, args=(process, stop, args.seed))
            thread.start()
        try:
            code = process.wait()
        finally:
            stop.set()
            if disturb:
                thread.join()
    if code != 0:
        sys.exit(f"{' '.join(command)} ended with {code}")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--itnet", default="target/release/itnet", help="the program")
    p.add_argument("--model", default="models/itnet-s", help="folder of the bundle")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--precision", default="auto", help="auto, f32, bf16 or int8")
    p.add_argument("--frames", type=int, default=500)
    p.add_argument("--period-ms", type=int, default=33)
    p.add_argument("--load", choices=list(LOADS), action="append", help="[default: all]")
    p.add_argument("--seed", type=int, default=5, help="of when bursts come, and of the order of slow times")
    p.add_argument("--suffix", default="", help="added to the names of the files")
    p.add_argument("--out", type=Path, default=Path("benches/plan/traces"), help="folder to write to")
    args = p.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for load in args.load or LOADS:
        record(args, load)


if __name__ == "__main__":
    main()
