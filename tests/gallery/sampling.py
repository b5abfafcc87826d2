"""Images whose samples do not turn or shift with them: strides, windows, pads, tori, patches."""

import torch
from torch import Tensor, nn

from gallery.exhibit import Exhibit, Specimen, Verdict, image


def isotropic(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """The same layer with filters that quarter turns and mirrors keep: only its sampling can be wrong."""
    with torch.no_grad():
        w = conv.weight + conv.weight.flip(-1)
        w = w + w.flip(-2)
        conv.weight.copy_(w + w.mT)
    return conv


class Ends(nn.Module):
    """Isotropic filters, then `middle`, then a mean over space."""

    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        self.stem = isotropic(nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"))
        self.middle = middle
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.middle(self.stem(x).tanh()).tanh().mean((-1, -2)))


class Windows(nn.Module):
    """Attention inside windows of n×n; where the size is no multiple of n the image is padded."""

    def __init__(self, n: int, sides: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.n, self.pad = n, nn.ZeroPad2d(sides)
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, n = self.pad(x), self.n
        tokens = y.unflatten(3, (-1, n)).unflatten(2, (-1, n)).permute(0, 2, 4, 3, 5, 1)  # b i j n n c
        shape, flat = tokens.shape, tokens.flatten(0, 2).flatten(1, 2)
        mixed = self.attend(flat, flat, flat)[0].view(shape).permute(0, 5, 1, 3, 2, 4)
        mixed = mixed.flatten(4).flatten(2, 3)
        left, _, top, _ = self.pad.padding
        return mixed[:, :, top : top + x.shape[2], left : left + x.shape[3]]


class Patches(nn.Module):
    """Tokens of patches, with a code added to each: the same for all, or a table of places."""

    def __init__(self, absolute: bool) -> None:
        super().__init__()
        self.patch = isotropic(nn.Conv2d(1, 8, 3, 3))
        self.pos_embed = nn.Parameter(torch.randn(1, 9 if absolute else 1, 8))
        self.encode = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).mT
        return self.encode(tokens + self.pos_embed).mean(1)


class Anchor(nn.Module):
    """Rolls each image so that the best of the phases modulo 2 comes first: the one whose corner samples are
    largest, or whose partition into patches scores best by a number that turns keep.
    """

    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        rolled = torch.stack([torch.roll(x, (-i, -j), (-2, -1)) for i in (0, 1) for j in (0, 1)], 1)
        if self.by == "corner":
            score = rolled[..., ::2, ::2].square().sum((-1, -2, -3))
        else:
            energy = nn.functional.avg_pool2d(rolled.square().flatten(0, 1), 2)
            score = energy.square().sum((-1, -2, -3)).view(len(x), 4)
        return rolled[torch.arange(len(x)), score.argmax(1)]


def patched(first: nn.Module) -> nn.Module:
    """Non-overlapping patches of 2×2 after `first`."""
    return Ends(nn.Sequential(first, isotropic(nn.Conv2d(4, 4, 2, 2))))


def padded(kernel: int, sides: tuple[int, int, int, int]) -> nn.Module:
    return nn.Sequential(nn.ZeroPad2d(sides), isotropic(nn.Conv2d(4, 4, kernel)))


class Wrapped(nn.Module):
    """A torus: opposite borders meet; isotropic filters on what was wrapped around."""

    def __init__(self, sides: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.wrap = nn.CircularPad2d(sides)
        self.conv = isotropic(nn.Conv2d(1, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.wrap(x)).tanh()


class Orientation(nn.Module):
    """(cos 2θ, sin 2θ) of the long axis of an image, by second moments about the centre."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = isotropic(nn.Conv2d(1, 1, 3, padding=1))
        self.angle = Moments()

    def forward(self, x: Tensor) -> Tensor:
        return self.angle(self.stem(x).square())


class Moments(nn.Module):
    """Σ w (x² − y², 2xy)."""

    def forward(self, w: Tensor) -> Tensor:
        axis = torch.arange(w.shape[-1]).to(w) - (w.shape[-1] - 1) / 2
        x, y = axis[None], -axis[:, None]
        return torch.stack(
            [(w * (x.square() - y.square())).sum((1, 2, 3)), (2 * w * x * y).sum((1, 2, 3))], 1
        )


def ends(middle, size: int, group: str = "p4m", in_type: str = "image") -> Specimen:
    return Specimen(lambda: Ends(middle()), image(size), group, in_type)


def strided(kernel: int, padding: int, size: int) -> Specimen:
    return ends(lambda: isotropic(nn.Conv2d(4, 4, kernel, 2, padding)), size)


def torus(middle, group: str = "Z^2") -> Specimen:
    return ends(middle, 8, group, "periodic_image")


def wrapped(sides: tuple[int, int, int, int]) -> Specimen:
    return Specimen(lambda: Wrapped(sides), image(8), "p4m", "periodic_image", "periodic_image")


STRIDE, ROLL = r"mod 2 ≠ 0 on axis 0: a strided window", "keeps only the shifts by multiples of it"
EXHIBITS = [
    Exhibit(
        "REViT stem (5×5, stride 2)", "kernel 5, padding 2, stride 2 on an even map",
        "REViT with downsize = 2, REViT-v2; e2cnn#36, ReDet#133, equidiff#9",
        strided(5, 2, 12), strided(5, 2, 13),
        Verdict("broken", "middle", r"\(12 \+ 4 − 5\) " + STRIDE, "size 11 or 13", "middle"),
    ),
    Exhibit(
        "REViT-v2 stages (3×3, stride 2)", "kernel 3, padding 1, stride 2 on an even map",
        "REViT-v2 stem and stages, ResNets in ReDet", strided(3, 1, 12), strided(4, 1, 12),
        Verdict("broken", "middle", r"\(12 \+ 2 − 3\) " + STRIDE, "a window of 2 or 4", "middle"),
    ),
    Exhibit(
        "max pooling 2×2", "an odd map, whose last row is left out", "keras-gcnn#6, escnn#4",
        ends(lambda: nn.MaxPool2d(2), 13), ends(lambda: nn.MaxPool2d(2), 12),
        Verdict("broken", "middle", r"\(13 \+ 0 − 2\) " + STRIDE, "size 12 or 14", "middle"),
    ),
    Exhibit(
        "convolution that keeps the size", "an even kernel, padded with one more on one side",
        "rule: (n + 2p − k) mod s = 0",
        ends(lambda: padded(4, (1, 2, 1, 2)), 9), ends(lambda: padded(3, (1, 1, 1, 1)), 9),
        Verdict("broken", "middle.0", "pads 1 before and 2 after", "pad evenly", "middle.0"),
    ),
    Exhibit(
        "upsampling by a transposed convolution", "output_padding adds on one side",
        "rule: what is added on one side moves the centre",
        ends(lambda: isotropic(nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1)), 6),
        ends(lambda: isotropic(nn.ConvTranspose2d(4, 4, 4, 2, 1)), 6),
        Verdict(
            "broken", "middle", "output_padding = 1 adds on one side", "such as 4 for stride 2", "middle",
        ),
    ),
    Exhibit(
        "window attention", "windows padded right and below only",
        "REViT-v2, sizes that the window does not divide",
        ends(lambda: Windows(4, (0, 2, 0, 2)), 6), ends(lambda: Windows(4, (1, 1, 1, 1)), 6),
        Verdict("broken", "middle.pad", "pads 0 before and 2 after", "pad evenly", "middle.pad"),
    ),
    Exhibit(
        "window attention", "fixed windows under shifts", "REViT-v2: only shifts by whole windows survive",
        torus(lambda: Windows(4, (0, 0, 0, 0))), torus(lambda: Windows(8, (0, 0, 0, 0))),
        Verdict("broken", "middle.attend", "a window", "function of differences"),
    ),
    Exhibit(
        "patch embedding of a ViT", "stride 2 under shifts by one",
        "Twins: 80.6 to 62.4 % under small shifts",
        torus(lambda: isotropic(nn.Conv2d(4, 4, 2, 2))),
        Specimen(lambda: patched(Anchor("partition")), image(8), "Z^2", "periodic_image"),
        Verdict("broken", "middle", ROLL, "choose the phase by the input"),
    ),
    Exhibit(
        "adaptive polyphase anchoring",
        "the phase is chosen by corner samples: shifts hold, quarter turns do not",
        "Shift-Equivariant-Vision-Transformers under turns, which it does not claim",
        Specimen(lambda: patched(Anchor("corner")), image(8), "p4", "periodic_image"),
        Specimen(lambda: patched(Anchor("partition")), image(8), "p4", "periodic_image"),
        Verdict("broken", "middle.0", "does not move with the input", "function of differences"),
    ),
    Exhibit(
        "convolution on a torus", "zeros where opposite borders meet", "rule: borders meet",
        torus(lambda: isotropic(nn.Conv2d(4, 4, 3, padding=1))),
        torus(lambda: isotropic(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"))),
        Verdict("broken", "middle", "pads with zeros at borders, which meet", "circular"),
    ),
    Exhibit(
        "convolution on a torus", "wrapped around on one side",
        "rule: what is added on one side moves the centre", wrapped((0, 2, 0, 2)),
        wrapped((1, 1, 1, 1)), Verdict("broken", "wrap", "pads 0 before and 2 after", "pad evenly", "wrap"),
    ),
    Exhibit(
        "ViT encoder", "a table of absolute positions", "ViT, DeiT",
        Specimen(lambda: Patches(True), image(9), "p4m"), Specimen(lambda: Patches(False), image(9), "p4m"),
        Verdict(
            "broken", "what happens before encode.self_attn, outside any module", "adds or mixes",
            "the same at all positions", "pos_embed",
        ),
    ),
    Exhibit(
        "detector of oriented boxes", "(cos 2θ, sin 2θ) typed as a vector", "OBB branch of REViT",
        Specimen(Orientation, image(9), "p4", out_type="vector"),
        Specimen(Orientation, image(9), "p4", out_type="2xB@0"),
        Verdict("broken", "angle", "frequency 2", "declare it as a vector of frequency 2"),
    ),
]  # fmt: skip
