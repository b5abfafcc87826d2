"""The figures of the README, rendered from results/*.json: python -m benchmarks.report rewrites them."""

import json
import statistics
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- figures, by python -m benchmarks.report -->", "<!-- end of figures -->"


def figures() -> str:
    """Markdown: accuracy with its spread over seeds, then speed against peers."""
    accuracies = [_accuracy(json.loads(path.read_text())) for path in sorted(RESULTS.glob("accuracy_*.json"))]
    return "\n\n".join([*accuracies, _speed(), _construction(), _memory()])


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
    return "\n".join([*lines, *(_row(row) for row in rows if row["workload"].endswith(_STEP))])


_STEP = ", forward+backward"


def _row(row: dict[str, Any]) -> str:
    work, ours = row["workload"].removesuffix(_STEP), row["ours"]["median"]
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


if __name__ == "__main__":
    rewrite()
