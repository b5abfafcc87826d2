"""The two pictures of a run: accuracy against the angle of the image, and feature maps of an image and its
turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

matplotlib.use("Agg")

_COLOURS = ("#1b6ca8", "#c0392b", "#7f8c8d", "#27ae60")


@dataclass(frozen=True)
class Maps:
    """Maps (k, h, w) of one network before and after the image is turned, and what each is called."""

    network: str
    titles: Sequence[str]
    before: Tensor
    after: Tensor


def accuracy_by_angle(
    path: Path, angles: Sequence[float], curves: Mapping[str, Sequence[float]], group: str
) -> None:
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
    axes.set_theta_zero_location("N")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    heights = 100 * np.array(list(curves.values()))
    clearance = np.abs(heights[:, :, None] - axes.get_yticks()).min((0, 2))
    axes.set_rlabel_position(angles[int(clearance.argmax())])  # where the labels are farthest from the curves
    for label in axes.get_yticklabels():  # and on white, above what still passes there
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0})
    axes.set_axisbelow(False)
    axes.grid(alpha=0.5)
    axes.set_title(
        f"Test accuracy against the angle of the digit\na network invariant under {group} repeats every 90°",
        pad=22,
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.24), frameon=False)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def _panel(
    axes: Axes, image: Tensor, title: str, limits: tuple[float, float], colours: str = "viridis"
) -> None:
    axes.imshow(image.numpy(), cmap=colours, vmin=limits[0], vmax=limits[1])
    axes.axis("on")
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def feature_maps(path: Path, image: Tensor, networks: Sequence[Maps]) -> None:
    """A digit (h, w) and its quarter turn, with maps of each by every network.

    Rows in pairs: what the network makes of the digit, and of the turned digit; the colours of a pair span
    the values that it shows.
    """
    turned = torch.rot90(image, 1, (0, 1))
    columns = max(len(maps.before) for maps in networks) + 1
    rows = 2 * len(networks)
    figure, grid = plt.subplots(rows, columns, figsize=(2 * columns, 2.35 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for pair, maps in enumerate(networks):
        both = torch.stack([maps.before, maps.after])
        limits = float(both.min()), float(both.max())
        for step, digit, what in ((0, image, "digit"), (1, turned, "digit turned by 90°")):
            row = grid[2 * pair + step]
            _panel(row[0], digit, what, (0.0, 1.0), "gray")
            row[0].set_ylabel(maps.network, fontsize=12)
            for axes, values, title in zip(row[1:], both[step], maps.titles, strict=False):
                _panel(axes, values, title, limits)
    figure.suptitle(
        "Turn the digit, and each map of G-CSA turns and moves one orientation on (row 2 against row 1).\n"
        "The maps of a plain CNN (row 4 against row 3) become something else.",
        fontsize=11,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, dpi=130)
    plt.close(figure)
