"""The tables of networks made equivariant from outside, rendered from results/{wrappers,nbody}.json."""

import statistics
from typing import Any

# By kind in results/wrappers.json: what the training images were, and the network.
IMAGES = {
    "rotmnist-pooled-plain": ("turned", "pooled CNN"),
    "rotmnist-pooled-augmented": ("turned", "pooled CNN + augmentation"),
    "rotmnist-plain": ("turned", "strided CNN"),
    "rotmnist-augmented": ("turned", "strided CNN + augmentation"),
    "rotmnist-end-to-end-p4": ("turned", "strided CNN + canonicaliser over p4, together"),
    "rotmnist-end-to-end-p4-40": ("turned", "strided CNN + canonicaliser over p4, together"),
    "mnist-plain": ("upright", "strided CNN"),
    "mnist-augmented": ("upright", "strided CNN + augmentation"),
    "mnist-prior-p4": ("upright", "strided CNN, frozen, + canonicaliser over p4"),
    "mnist-prior-C8": ("upright", "strided CNN, frozen, + canonicaliser over C8"),
}
AVERAGED = {"1": "", "4": ", averaged over p4 after training", "8": ", averaged over C8 after training"}
POINTS = {
    "plain": "GNN",
    "augmented": "GNN + augmentation",
    "augmented-long": "GNN + augmentation, 8 times the epochs",
    "frames": "GNN in frames",
}
MISSING = "–"
IMAGES_CAPTION = (
    "Rotated MNIST, a plain CNN made invariant from outside: accuracy on {test} test images at random "
    "angles, mean ± deviation over {seeds} seeds (data, weights, angles). {train} training images, each at "
    "one random angle or all upright; the epoch chosen on {validation} others. Error: the worst over p4 in "
    "float64, by `mackey.audit`; change: of the outputs, as the image is turned by a random angle; ms: 256 "
    "images forward; training: epochs, and the seconds of a run (median) on {threads} cores. "
)
POINTS_CAPTION = (
    "Five charged bodies, a plain graph network made equivariant from outside: mean square error of "
    "positions 1000 steps later on {test} test systems, mean ± deviation over {seeds} seeds (weights, order, "
    "turns). {train} training systems, the epoch chosen on {validation} others; a short training, published "
    "ones take 10,000 epochs; an epoch in frames runs the network on 8 copies of each system. Error: the "
    "worst over E(3) in float64; ms: 100 systems forward, on {threads} cores. "
)


def images(found: dict[str, Any]) -> str:
    """Rotated MNIST: one row a network, and one for each average of it."""
    lines = [
        _caption(IMAGES_CAPTION, found),
        "",
        "| training images | network | parameters | accuracy | error | change | ms | training |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, (shown, name) in IMAGES.items():
        known = list(found["runs"].get(kind, {}).values())
        for turns in known[0]["by_turns"] if known else ():
            rows = [run["by_turns"][turns] for run in known]
            cells = (
                shown,
                name + AVERAGED[turns],
                f"{rows[0]['parameters']:,}",
                _spread([100 * row["accuracy"] for row in rows], ".2f", " %"),
                _worst([row["error_p4"] for row in rows]),
                f"{statistics.mean(row['change'] for row in rows):.2f}",
                _milliseconds(found, f"{kind} {turns}"),
                _training(found, kind, known),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def points(found: dict[str, Any]) -> str:
    """n-body: one row a network."""
    lines = [
        _caption(POINTS_CAPTION, found),
        "",
        "| network | parameters | MSE | error | ms | training |",
        "|---|---|---|---|---|---|",
    ]
    for name, known in found["runs"].items():
        rows = list(known.values())
        averaged = name.removeprefix("averaged over ")
        shown = POINTS.get(name, f"GNN, averaged over {averaged} elements after training")
        cells = (
            shown,
            f"{rows[0]['parameters']:,}",
            _spread([row["test"] for row in rows], ".4f", ""),
            _worst([row["error"] for row in rows]),
            _milliseconds(found, name),
            _training(found, name if name in POINTS else "plain", rows),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _caption(text: str, found: dict[str, Any]) -> str:
    sizes = {name: f"{size:,}" for name, size in found["splits"].items()}
    return text.format(seeds=len(found["seeds"]), threads=found["times"]["threads"], **sizes) + (
        f"All of it again by `python -m benchmarks.{found['name']} afresh`, times alone by `… times`; "
        f"{MISSING}: not measured yet:"
    )


def _spread(values: list[float], form: str, unit: str) -> str:
    if len(values) == 1:
        return f"{values[0]:{form}}{unit} (one seed)"
    return f"{statistics.mean(values):{form}} ± {statistics.stdev(values):{form}}{unit}"


def _worst(errors: list[float]) -> str:
    if not max(errors):
        return "0"
    return f"{max(errors):.0e}" if max(errors) < 1e-3 else f"{max(errors):.2g}"


def _milliseconds(found: dict[str, Any], name: str) -> str:
    known = found["times"]["milliseconds"].get(name)
    return MISSING if known is None else f"{known:.0f}"


def _training(found: dict[str, Any], kind: str, rows: list[dict[str, Any]]) -> str:
    """ "40 epochs, 164 s": as the runs took, or one epoch did on a machine that did nothing else."""
    epochs = rows[0]["recipe"]["train"]["epochs"]
    known = [row["seconds"] for row in rows if "seconds" in row]
    an_epoch = found["times"]["seconds_an_epoch"].get(kind)
    seconds = statistics.median(known) if known else None if an_epoch is None else epochs * an_epoch
    after = " of the scorer" if "prior" in kind else ""
    return f"{epochs} epochs{after}, {MISSING if seconds is None else f'{seconds:.0f} s'}"
