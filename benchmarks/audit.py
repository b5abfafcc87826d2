"""What an audit costs on networks of a million parameters: forward passes, seconds, and how many forward
passes of the network itself those seconds are.

python -m benchmarks.audit prints a line for each claim and writes results/audit.json. Most passes of an audit
are in float64, where convolutions take several times as long: the ratio is larger than the number of passes.
"""

import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import mackey as mk
from benchmarks.measure import inference, interleaved, timing
from mackey.audit.report import Report

RESULTS = Path(__file__).parent / "results" / "audit.json"
BATCH = 2


@dataclass(frozen=True)
class Claim:
    """A network, its input, and what is said of it."""

    name: str
    module: nn.Module
    x: Tensor
    group: str
    in_type: str
    out_type: str


@dataclass(frozen=True)
class Cost:
    """passes: calls of the network in one audit. seconds: of an audit. forward_seconds: of one call
    of the network as given, without gradients. ratio: of these two, in turn; medians of at least 7 rounds.
    """

    name: str
    group: str
    finding: str
    parameters: int
    batch: int
    passes: int
    seconds: float
    forward_seconds: float
    ratio: float


class Residual(nn.Module):
    """x + two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, padding_mode="circular", bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, padding_mode="circular", bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


def resnet(width: int = 96, depth: int = 6) -> nn.Module:
    """1.0 million parameters, circular, without strides."""
    stem = nn.Conv2d(3, width, 3, padding=1, padding_mode="circular")
    blocks = [Residual(width) for _ in range(depth)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]
    return nn.Sequential(stem, nn.ReLU(), *blocks, *head)


def transformer(width: int = 128, depth: int = 5) -> nn.Module:
    """1.0 million parameters, without position codes."""
    layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)


def claims() -> list[Claim]:
    """A right and a wrong one for each network."""
    torch.manual_seed(0)
    images, tokens = torch.randn(BATCH, 3, 32, 32), torch.randn(BATCH, 64, 128)
    plain, coded = transformer().eval(), transformer()
    causal = Causal(coded).eval()
    cnn = resnet().eval()
    return [
        Claim("ResNet", cnn, images, "Z^2", "periodic_image", "invariant"),
        Claim("ResNet", cnn, images, "p4m", "image", "invariant"),
        Claim("transformer", plain, tokens, "Sym", "tokens", "tokens"),
        Claim("transformer, causal", causal, tokens, "Sym", "tokens", "tokens"),
    ]


class Causal(nn.Module):
    """Every token reads those before it."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.encoder(x, mask=mask)


def cost(claim: Claim) -> Cost:
    """Of one audit with default settings."""
    run = _audit(claim)
    calls: list[int] = []
    hook = claim.module.register_forward_pre_hook(lambda module, given: calls.append(1))  # copies keep it
    report = run()
    hook.remove()
    forward = inference(claim.module, claim.x)
    times = interleaved({"audit": run, "forward": forward}, 10.0)
    whole, one = (timing(times[name]).median / 1e3 for name in ("audit", "forward"))
    ratio = statistics.median(a / b for a, b in zip(times["audit"], times["forward"], strict=True))
    size = sum(p.numel() for p in claim.module.parameters())
    names = claim.name, claim.group, report.finding
    return Cost(*names, size, BATCH, len(calls), whole, one, ratio)


def _audit(claim: Claim) -> Callable[[], Report]:
    types = {"in_type": claim.in_type, "out_type": claim.out_type, "group": claim.group}
    return lambda: mk.audit(claim.module, claim.x, **types)


def main() -> None:
    found = []
    for claim in claims():
        found.append(cost(claim))
        c = found[-1]
        print(
            f"{c.name}, {c.group}: {c.finding}, {c.parameters:,} parameters, {c.passes} passes, "
            f"{c.seconds:.2f} s, one forward pass {c.forward_seconds:.4f} s, ratio {c.ratio:.1f}",
            flush=True,
        )
    facts = {"torch": torch.__version__, "threads": torch.get_num_threads(), "machine": platform.machine()}
    RESULTS.write_text(json.dumps({**facts, "audits": [asdict(c) for c in found]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
