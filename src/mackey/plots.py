"""The two pictures of a run: accuracy against the angle of the image, and feature maps of an image and its
turn.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.projections.polar import PolarAxes
from torch import Tensor

matplotlib.use("Agg")

_COLOURS = ("#1b6ca8", "#c0392b", "#7f8c8d", "#27ae60")


def accuracy_by_angle(path: Path, angles: Sequence[float], curves: Mapping[str, Sequence[float]]) -> None:
    """A polar plot; the radius starts a little below the smallest accuracy, so that differences show."""
    figure, axes = plt.subplots(figsize=(7, 7.4), subplot_kw={"projection": "polar"})
    theta = np.deg2rad([*angles, angles[0]])
    for (name, values), colour in zip(curves.items(), _COLOURS, strict=False):
        percent = 100 * np.array([*values, values[0]])
        axes.plot(
            theta, percent, color=colour, linewidth=2, label=f"{name}  (mean {percent[:-1].mean():.1f} %)"
        )
    lowest = 100 * min(min(values) for values in curves.values())
    bottom = max(0.0, 5 * np.floor((lowest - 2) / 5))
    axes.set_ylim(bottom, 100)
    assert isinstance(axes, PolarAxes)
    axes.set_rlabel_position(22)
    axes.set_theta_zero_location("N")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_title(
        "Test accuracy against the angle of the digit\nthe same every 90°: equivariant under p4", pad=22
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.24), frameon=False)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def _panel(
    axes: Axes, image: Tensor, title: str, limits: tuple[float, float], colours: str = "viridis"
) -> None:
    axes.imshow(image.numpy(), cmap=colours, vmin=limits[0], vmax=limits[1])
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def feature_maps(
    path: Path,
    image: Tensor,
    lifted: tuple[Tensor, Tensor],
    plain: tuple[Tensor, Tensor],
    labels: Sequence[str],
) -> None:
    """A digit and its quarter turn (h, w), one lifted field of each (orientation, h, w), and plain CNN maps
    of each.

    Rows in pairs: what the network sees, and what it sees of the turned digit. lifted and plain: (before,
    after).
    """
    turned = torch.rot90(image, 1, (0, 1))
    order = len(lifted[0])
    figure, grid = plt.subplots(4, order + 1, figsize=(2 * order + 2, 9.4))
    for row, (digit, maps) in enumerate(
        ((image, lifted[0]), (turned, lifted[1]), (image, plain[0]), (turned, plain[1]))
    ):
        pair = lifted if row < 2 else plain
        limits = float(min(p.min() for p in pair)), float(max(p.max() for p in pair))
        _panel(grid[row, 0], digit, "digit" if row % 2 == 0 else "digit turned by 90°", (0.0, 1.0), "gray")
        for index in range(order):
            title = f"orientation {labels[index]}" if row < 2 else f"channel {index}"
            _panel(grid[row, index + 1], maps[index], title, limits)
    grid[0, 0].set_ylabel("G-CSA", fontsize=12)
    grid[1, 0].set_ylabel("G-CSA", fontsize=12)
    grid[2, 0].set_ylabel("plain CNN", fontsize=12)
    grid[3, 0].set_ylabel("plain CNN", fontsize=12)
    figure.suptitle(
        "Turn the digit, and each map of G-CSA turns and moves one orientation on (row 2 against row 1).\n"
        "The maps of a plain CNN (row 4 against row 3) become something else.",
        fontsize=11,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, dpi=130)
    plt.close(figure)
