"""Rotated MNIST: 10 000 training, 2 000 validation, 50 000 test digits at random angles (protocol of
mnist-rot).
"""

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float, Int
from mackey.tasks.archive import archive
from mackey.tasks.task import Split, Task, random_angles, rotate


def rotmnist(seed: int = 0) -> Task:
    """MNIST in random order, each digit turned once, 29×29 (one row and column of zeros, for strides of 2).

    Reads mnist/mnist.npz below the folder named by MACKEY_DATA. The turns are bilinear and ours, so that
    numbers compare with published ones by protocol, not pixel for pixel.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels, labels = _digits(generator, "rotmnist")
    return _task("rotmnist", rotate(pixels, random_angles(len(labels), generator)), labels, turned=False)


def mnist(seed: int = 0) -> Task:
    """The digits of `rotmnist` of the same seed, in the same splits, upright; trained at random angles."""
    return _task("mnist", *_digits(torch.Generator().manual_seed(seed), "mnist"), turned=True)


def _digits(generator: torch.Generator, name: str) -> tuple[Float[Tensor, "n 1 29 29"], Int[Tensor, " n"]]:
    """62 000 digits of MNIST in random order, upright, and their labels."""
    with np.load(archive(name, "mnist/mnist.npz")) as stored:
        images = np.concatenate([stored["x_train"], stored["x_test"]])
        labels = np.concatenate([stored["y_train"], stored["y_test"]])
    order = torch.randperm(len(labels), generator=generator)[:62000]
    pixels = torch.as_tensor(images)[order][:, None].float() / 255
    return torch.nn.functional.pad(pixels, (0, 1, 0, 1)), torch.as_tensor(labels).long()[order]


def _task(name: str, pixels: Float[Tensor, "n 1 29 29"], labels: Int[Tensor, " n"], turned: bool) -> Task:
    parts = (slice(0, 10000), slice(10000, 12000), slice(12000, None))
    train, validation, test = (Split(pixels[part], labels[part]) for part in parts)
    return Task(name, 10, train, validation, test, "p4", turned)
