"""scikit-learn's 1797 real handwritten digits (8×8), enlarged to 21×21; nothing is downloaded."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mackey.tasks.task import Split, Task

SIZE, MARGIN = (
    15,
    3,
)  # 8×8 to 15×15 by bicubic interpolation, then 3 pixels of border so that corners can turn


def digits(seed: int = 0) -> Task:
    """1077 training, 360 validation and 360 test digits, stratified; trained and tested at random angles."""
    data = load_digits()
    images = torch.as_tensor(data.images, dtype=torch.float32)[:, None] / 16
    images = torch.nn.functional.interpolate(images, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    images = torch.nn.functional.pad(images.clamp(0, 1), (MARGIN,) * 4)
    labels = torch.as_tensor(data.target, dtype=torch.long)
    rest, test = train_test_split(range(len(labels)), test_size=360, stratify=labels, random_state=seed)
    train, validation = train_test_split(rest, test_size=360, stratify=labels[rest], random_state=seed)
    parts = [Split(images[part], labels[part]) for part in (train, validation, test)]
    return Task("digits", 10, parts[0], parts[1], parts[2], "p4", True)
