"""Run all benchmarks, or those named: python -m benchmarks.run [convolution] [attention] …"""

import json
import platform
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch

import mackey
from benchmarks import attention, convolution, features, gcsa, harmonics
from benchmarks.measure import Comparison, arithmetic_peak, bandwidth, keep_memory

Found = tuple[list[Comparison], dict[str, object]]
BENCHMARKS: dict[str, Callable[[float], Found]] = {
    "convolution": convolution.run,
    "attention": attention.run,
    "gcsa": gcsa.run,
    "features": features.run,
    "harmonics": harmonics.run,
}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    """Print every comparison and write results/NAME.json."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"benchmarks: wanted {' | '.join(BENCHMARKS)}, got {', '.join(sorted(unknown))}")
    warnings.filterwarnings("ignore", module="escnn|torch")
    keep_memory()
    peak, copy = arithmetic_peak(), bandwidth()
    print(f"machine: {_processor()}, {peak / 1e9:.0f} GFLOP/s, {copy / 1e9:.1f} GB/s", flush=True)
    for name in names or BENCHMARKS:
        torch.manual_seed(0)
        comparisons, extra = BENCHMARKS[name](peak)
        write(name, comparisons, {"peak_flops": peak, "copy_bytes_per_second": copy, **extra})


def write(name: str, comparisons: list[Comparison], extra: Mapping[str, object]) -> None:
    """results/NAME.json: machine, versions and everything measured."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"processor": _processor(), "threads": torch.get_num_threads(), "system": platform.system()}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "mackey": mackey.__version__}
    rows = [asdict(comparison) for comparison in comparisons]
    plain = {"machine": machine, "versions": versions, **extra, "comparisons": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(plain, indent=1) + "\n")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


if __name__ == "__main__":
    main(sys.argv[1:])
