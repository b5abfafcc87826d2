"""Interleaved timing against a peer, peak memory, and the floors of the machine."""

import ctypes
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

Run = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one candidate over the rounds: median, smallest, and the quartiles."""

    median: float
    smallest: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Comparison:
    """Ours against one peer. ratio: ours over the peer's, round by round, median and quartiles.

    floor_ms: the multiply-adds of the workload at the measured arithmetic peak.
    """

    workload: str
    peer: str
    ours: Timing
    theirs: Timing
    ratio: float
    quartiles: tuple[float, float]
    rounds: int
    target: float | None
    floor_ms: float | None

    def __str__(self) -> str:
        low, high = self.quartiles
        target = "" if self.target is None else f", target ≤ {self.target:g}"
        floor = (
            "" if self.floor_ms is None else f", {self.floor_ms / self.ours.median:.0%} of the floor's speed"
        )
        return (
            f"{self.workload}: {self.ours.median:.2f} ms, {self.peer} {self.theirs.median:.2f} ms, "
            f"ratio {self.ratio:.3f} [{low:.3f}, {high:.3f}]{target}{floor}"
        )


def compare(
    workload: str,
    ours: Run,
    peers: Mapping[str, tuple[Run, float | None]],
    *,
    seconds: float = 8.0,
    floor_ms: float | None = None,
) -> list[Comparison]:
    """Time ours and every peer (its run, and the ratio we want to stay below), all in turn in each round."""
    times = interleaved({"ours": ours, **{name: run for name, (run, _) in peers.items()}}, seconds)
    found = []
    for name, (_, target) in peers.items():
        ratios = [a / b for a, b in zip(times["ours"], times[name], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        timings = timing(times["ours"]), timing(times[name])
        found.append(Comparison(workload, name, *timings, middle, (low, high), len(ratios), target, floor_ms))
        print(found[-1], flush=True)
    return found


def interleaved(candidates: Mapping[str, Run], seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each candidate, in turn, until the time is used (at least 7 rounds); 2 warm-ups."""
    for run in candidates.values():
        run()
        run()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(next(iter(times.values()))) < 7:
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return times


def keep_memory() -> None:
    """Let the allocator (glibc) keep what is freed, for ours and for peers.

    Otherwise pages go back to the system between candidates, and the page faults are timed, not the work.
    """
    libc = ctypes.CDLL(None)
    trim_threshold, mmap_threshold = -1, -3
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(mmap_threshold, 2**30)


def timing(times: list[float]) -> Timing:
    """Median, smallest and quartiles."""
    lower, middle, upper = statistics.quantiles(times, n=4)
    return Timing(middle, min(times), lower, upper)


def training_step(module: nn.Module, x: Tensor) -> Run:
    """Forward and backward to the input and all parameters, in train mode, with a fixed direction."""
    with torch.no_grad():
        direction = torch.randn_like(module(x))

    def run() -> None:
        x.grad = None
        module.train().zero_grad(set_to_none=True)
        module(x).backward(direction)

    return run


def inference(module: nn.Module, x: Tensor) -> Run:
    """Forward only, in eval mode, without gradients."""

    def run() -> None:
        with torch.no_grad():
            module.eval()(x)

    return run


def arithmetic_peak() -> float:
    """FLOP/s of the best of a few large matrix products and convolutions (two libraries)."""
    candidates: dict[str, tuple[Run, int]] = {}
    for n in (1024, 2048):
        a, b = torch.randn(n, n), torch.randn(n, n)
        candidates[f"matmul {n}"] = (lambda a=a, b=b: a @ b), 2 * n**3
    for c, k in ((256, 3), (512, 1)):
        x, w = torch.randn(16, c, 32, 32), torch.randn(c, c, k, k)
        flops = 2 * x.numel() * c * k**2
        candidates[f"conv {c}, k={k}"] = (lambda x=x, w=w: nn.functional.conv2d(x, w, padding="same")), flops
    times = interleaved({name: run for name, (run, _) in candidates.items()}, 4.0)
    return max(1e3 * flops / min(times[name]) for name, (_, flops) in candidates.items())


def bandwidth() -> float:
    """Bytes/s of copying 256 MB, read and write counted."""
    a = torch.randn(64 * 2**20)
    b = torch.empty_like(a)
    return 2 * a.numel() * 4 / min(interleaved({"copy": lambda: b.copy_(a)}, 1.0)["copy"]) * 1e3


def peak_megabytes(build: Callable[..., Run], *arguments: object) -> float:
    """How far the resident memory of a fresh process rises in the second of two calls (Linux)."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_growth, (build, *arguments))


def _growth(build: Callable[..., Run], *arguments: object) -> float:
    run = build(*arguments)
    run()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = _resident("VmRSS")
    run()
    return _resident("VmHWM") - before


def _resident(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))
