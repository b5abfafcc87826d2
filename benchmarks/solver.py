"""Bases of Hom_G(V, W) by formula and by numbers, in seconds: fresh process, one thread, import excluded.

python -m benchmarks.solver prints the table and writes results/solver.json. EMLP (Finzi et al. 2021, JAX)
took 20.8 s for Sym(5) and 3.5 s for SO(3), V⊗V → V⊗V, on a machine of this class.
"""

import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mackey import groups, reps
from mackey.reps import AbstractRep
from mackey.reps.numeric import solve_numerically

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3
Case = Callable[[], tuple[AbstractRep, AbstractRep]]
Way = Callable[[AbstractRep, AbstractRep], np.ndarray]


def _powers(group: groups.AbstractGroup[Any], source: int, target: int) -> tuple[AbstractRep, AbstractRep]:
    V = reps.standard(group)
    return reps.power(V, source), reps.power(V, target)


def _cube() -> tuple[AbstractRep, AbstractRep]:
    """Rubik's cube: 54 stickers, moved by quarter turns of the six faces; 4.3e19 elements."""
    V = reps.standard(groups.permutation_group(_quarter_turns(), "Rubik"))
    return V, V


def _quarter_turns() -> list[list[int]]:
    """Stickers as (cubie, normal), each face turned about its axis."""
    sides = list(itertools.product(range(3), (-1, 1)))
    stickers = [
        (tuple(np.insert([u, v], axis, side)), tuple(side * np.eye(3, dtype=int)[axis]))
        for axis, side in sides
        for u, v in itertools.product((-1, 0, 1), repeat=2)
    ]
    position = {sticker: index for index, sticker in enumerate(stickers)}
    moves = []
    for axis, side in sides:
        turn = np.eye(3, dtype=int)
        i, j = (k for k in range(3) if k != axis)
        turn[[i, i, j, j], [i, j, i, j]] = [0, -1, 1, 0]
        turned = [(tuple(turn @ cubie), tuple(turn @ normal)) for cubie, normal in stickers]
        moves.append(
            [
                position[t] if s[0][axis] == side else position[s]
                for s, t in zip(stickers, turned, strict=True)
            ]
        )
    return moves


CASES: dict[str, Case] = {
    "Sym(5), V⊗V → V⊗V": lambda: _powers(groups.symmetric(5), 2, 2),
    "SO(3), V⊗V → V⊗V": lambda: _powers(groups.special_orthogonal(3), 2, 2),
    "SO(3), V⊗V⊗V → V⊗V⊗V": lambda: _powers(groups.special_orthogonal(3), 3, 3),
    "O(1,3), V⊗V → V⊗V": lambda: _powers(groups.indefinite_orthogonal(1, 3), 2, 2),
    "SO⁺(1,3), V⊗V → V⊗V": lambda: _powers(groups.lorentz(), 2, 2),
    "O(1,3), V⊗V → V⊗V⊗V": lambda: _powers(groups.indefinite_orthogonal(1, 3), 2, 3),
    "Sp(4), V⊗V → V⊗V": lambda: _powers(groups.symplectic(4), 2, 2),
    "Rubik, V → V": _cube,
    "Sym(4), V⊗V⊗V → V⊗V⊗V": lambda: _powers(groups.symmetric(4), 3, 3),
    "Sym(5), V⊗V⊗V → V⊗V⊗V": lambda: _powers(groups.symmetric(5), 3, 3),
    "Sym(50), V⊗V → V": lambda: _powers(groups.symmetric(50), 2, 1),
}
FORMULA_ONLY = {"Sym(5), V⊗V⊗V → V⊗V⊗V", "Sym(50), V⊗V → V"}  # by numbers they take minutes
WAYS: dict[str, Way] = {
    "formula": lambda rho, sigma: reps.solve(rho, sigma).basis,
    "numbers": lambda rho, sigma: solve_numerically(rho, sigma, tolerance=1e-9).basis,
}


def once(case: str, way: str) -> tuple[float, int]:
    """Seconds from the group to the basis, and how many maps it has."""
    start = time.perf_counter()
    found = WAYS[way](*CASES[case]())
    return time.perf_counter() - start, len(found)


def measured(case: str, way: str) -> dict[str, str | float]:
    """The median over fresh processes, and the spread."""
    environment = {**os.environ, "MACKEY_CACHE": "off", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.solver", case, way]
    seconds, count = [], 0
    for _ in range(ROUNDS):
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        taken, found = run.stdout.split()
        seconds.append(float(taken))
        count = int(found)
    spread = {"median": statistics.median(seconds), "fastest": min(seconds), "slowest": max(seconds)}
    print(f"{case:26} {way}: {count:4} maps, {1e3 * spread['median']:8.1f} ms", flush=True)
    return {"case": case, "way": way, "maps": count, **spread}


def main(arguments: list[str]) -> None:
    """The whole table, or one measurement: case, way."""
    if arguments:
        print(*once(*arguments))
        return
    rows = [measured(c, w) for c in CASES for w in WAYS if w == "formula" or c not in FORMULA_ONLY]
    RESULTS.mkdir(exist_ok=True)
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    found = {"processor": processor(), "threads": 1, "versions": versions, "rounds": ROUNDS, "cases": rows}
    (RESULTS / "solver.json").write_text(json.dumps(found, indent=1) + "\n")


def processor() -> str:
    """As Linux names it, else as Python does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


if __name__ == "__main__":
    main(sys.argv[1:])
