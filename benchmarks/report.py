"""The figures of the README, rendered from results/*.json: python -m benchmarks.report rewrites them."""

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks import wrapped

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- figures, by python -m benchmarks.report -->", "<!-- end of figures -->"


def figures() -> str:
    """Markdown: accuracy with its spread over seeds, then speed against peers."""
    accuracies = [_accuracy(json.loads(path.read_text())) for path in sorted(RESULTS.glob("accuracy_*.json"))]
    wraps = [wrapped.images(_read("wrappers")), wrapped.points(_read("nbody"))]
    return "\n\n".join(
        [
            *accuracies,
            *wraps,
            _emlp(_read("emlp")),
            _speed(),
            _construction(),
            _memory(),
            _irreps(),
            _solver(),
        ]
    )


def rewrite() -> None:
    """Put the figures between the two marks of the README."""
    before, rest = README.read_text().split(START)
    README.write_text(f"{before}{START}\n{figures()}\n{END}{rest.split(END)[1]}")


def _read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


def _accuracy(found: dict[str, Any]) -> str:
    recipe, splits = found["recipes"]["G-CSA"], found["splits"]
    columns = list(found["networks"][0]["accuracy"])
    lines = [
        f"Accuracy on {splits['test']:,} test images of {found['task']}, mean ± deviation over "
        f"{len(found['seeds'])} seeds (data, weights, angles); {splits['train']:,} training images, "
        f"{recipe['train']['epochs']} epochs, the epoch chosen on {splits['validation']:,} others:",
        "",
        f"| network | parameters | {' | '.join(columns)} |",
        "|---|---|" + "---|" * len(columns),
    ]
    for row in found["networks"]:
        spreads = " | ".join(_spread(row["accuracy"][column]) for column in columns)
        lines.append(f"| {row['name']} | {row['parameters']:,} | {spreads} |")
    return "\n".join(lines)


def _emlp(found: dict[str, Any]) -> str:
    sizes = found["sizes"]
    lines = [
        f"Mean square error on {found['held_out']:,} test samples, in units of the target's variance, mean ± "
        f"deviation over {len(found['seeds'])} seeds, by the number of training samples; step and learning "
        f"rate chosen on {found['held_out']:,} others:",
        "",
        f"| task | network | parameters | {' | '.join(map(str, sizes))} |",
        "|---|---|---|" + "---|" * len(sizes),
    ]
    for task, runs in found["runs"].items():
        for model in dict.fromkeys(run["model"] for run in runs):
            mine = [run for run in runs if run["model"] == model]
            errors = [[run["test"] for run in mine if run["size"] == size] for size in sizes]
            cells = [f"{statistics.mean(e):.2g} ± {statistics.stdev(e):.1g}" for e in errors]
            lines.append(f"| {task} | {model} | {mine[0]['parameters']:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f} %"


def _speed() -> str:
    machine = _read("convolution")["machine"]
    rows = [row for name in ("convolution", "attention", "gcsa") for row in _read(name)["comparisons"]]
    lines = [
        f"A training step, forward and backward, on {machine['threads']} cores of {machine['processor']}: "
        "ours over the peer in one run, round by round (`make bench`; all of it in `benchmarks/results`):",
        "",
        "| work | ours, ms | peer | ratio [quartiles] | aim | of the floor's speed |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, _steps(rows))])


def _steps(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whole training steps, under their plain names."""
    step = ", forward+backward"
    return [
        {**row, "workload": row["workload"].removesuffix(step)}
        for row in rows
        if row["workload"].endswith(step)
    ]


def _row(row: dict[str, Any]) -> str:
    work, ours = row["workload"], row["ours"]["median"]
    low, high = row["quartiles"]
    aim = "" if row["target"] is None else f"≤ {row['target']:g}"
    floor = "" if row["floor_ms"] is None else f"{row['floor_ms'] / ours:.0%}"
    ratio = f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}]"
    return f"| {work} | {ours:.1f} | {row['peer']} | {ratio} | {aim} | {floor} |"


def _construction() -> str:
    costs = _read("convolution")["construction_ms_cold"]
    parts = [f"{name} {ours['mackey']:.0f} ms (escnn {ours['escnn']:.0f})" for name, ours in costs.items()]
    return f"Building the first k = 5 layer of 16 regular fields in a fresh process: {', '.join(parts)}."


def _memory() -> str:
    peaks = _read("gcsa")["peak_memory_mb"]
    parts = [
        f"{step}: " + ", ".join(f"{kind} {size:.0f} MB" for kind, size in row.items())
        for step, row in peaks.items()
    ]
    return f"Peak memory of the networks at 32×96×96 above their resting size: {'; '.join(parts)}."


def _irreps() -> str:
    rows = [row for name in ("features", "harmonics") for row in _read(name)["comparisons"]]
    lines = [
        "Irreps of O(3) against e3nn 0.6, forward or a whole step, eager or compiled as the name says:",
        "",
        "| work | ours, ms | peer | ratio [quartiles] | aim | of the floor's speed |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, rows)])


def _solver() -> str:
    found = _read("solver")
    cases: dict[str, dict[str, float]] = {}
    for row in found["cases"]:
        cases.setdefault(f"{row['case']} ({row['maps']} maps)", {})[row["way"]] = 1e3 * row["median"]
    parts = [
        f"{case} " + ", ".join(f"{way} {ms:.3g} ms" for way, ms in ways.items())
        for case, ways in cases.items()
    ]
    return (
        "Solving for all equivariant linear maps, by a formula or from the generators alone, one thread: "
        f"{'; '.join(parts)}."
    )


if __name__ == "__main__":
    rewrite()
