"""How long the Crab takes, whole processes, beside gammapy: prints the tables of docs/measurements.md.

    GAMMAPY_DATA=... uv run python tests/benchmarks/crab.py [--repeat 3] [--gammapy-python PATH]

Everything is timed on one machine in one go; read the figures as ratios.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def whole_process(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Wall time in seconds and standard output of a finished process."""
    start = time.perf_counter()
    finished = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, finished.stdout


def run_once(folder: Path, compiled: Path) -> dict[str, float]:
    """One `bayes-onoff run`; `compiled` is where compiled code is kept between processes."""
    environment = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={compiled}"}
    command = [sys.executable, "-m", "bayes_onoff", "run", str(HERE / "crab.yaml"), "--out", str(folder)]
    wall, _ = whole_process(command, environment)
    return {"whole process": wall, **json.loads((folder / "provenance.json").read_text())["timings_s"]}


def print_table(rows: list[tuple[str, list[dict[str, float]]]]) -> None:
    """One line a kind of run, the median over its repetitions."""
    stages = list(dict.fromkeys(stage for _, runs in rows for run in runs for stage in run if stage != "total"))
    print("| | " + " | ".join(stages) + " |\n|---|" + "---|" * len(stages))
    for name, runs in rows:
        medians = [statistics.median(run.get(stage, 0.0) for run in runs) for stage in stages]
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in medians) + " |")


def sampling_rates(compiled: Path) -> str:
    """Effective draws per second, warm, and seconds per refit, in a process of its own."""
    environment = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={compiled}"}
    return whole_process([sys.executable, str(HERE / "refits.py")], environment)[1]


def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="warm runs")
    parser.add_argument("--gammapy-python", default=os.environ.get("BAYES_ONOFF_GAMMAPY_PYTHON"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "compiled"
        cold = [run_once(Path(scratch) / "cold", compiled)]
        warm = [run_once(Path(scratch) / "warm", compiled) for _ in range(arguments.repeat)]
        print_table([("cold caches", cold), ("warm caches", warm)])
        print("\n" + sampling_rates(compiled))
    if arguments.gammapy_python:
        command = [arguments.gammapy_python, str(HERE / "gammapy_crab.py")]
        timed = [whole_process(command, dict(os.environ)) for _ in range(arguments.repeat)]
        wall = statistics.median(seconds for seconds, _ in timed)
        ours = statistics.median(run["whole process"] for run in warm)
        print(f"gammapy: {timed[-1][1].strip()}; whole process {wall:.1f} s")
        print(f"bayes-onoff, warm, beside gammapy: {ours / wall:.2f}")


if __name__ == "__main__":
    main()
