"""EMLP against an MLP on the O(5)-invariant and the Lorentz-invariant task of its paper, by data size.

python -m benchmarks.emlp: results/emlp.json. Learning rates and steps are chosen on validation data.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn

from mackey import groups, zoo

SIZES = (100, 300, 1000, 3000)
SEEDS = (0, 1, 2)
HELD_OUT = 2000  # validation samples, and as many test samples
RATES = (1e-3, 3e-3)
STEPS = 800
AVERAGE = 4  # elements in a group average, of which there are infinitely many
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Task:
    """Vectors x of m·V with y = f(x), invariant; y is measured in units of its standard deviation."""

    name: str
    group: str
    vectors: int
    sample: Callable[[int, torch.Generator], Tensor]
    target: Callable[[Tensor], Tensor]


def _normal(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, 5, 2, generator=generator)


def _invariant(x: Tensor) -> Tensor:
    """f(x₁, x₂) = sin|x₁| − |x₂|³/2 + x₁·x₂/(|x₁||x₂|), Finzi et al. 2021, section 7.1."""
    first, second = x.unbind(-1)
    a, b = first.norm(dim=-1), second.norm(dim=-1)
    return a.sin() - b**3 / 2 + (first * second).sum(-1) / (a * b)


def _momenta(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, 4, 4, generator=generator) / 4


def _scattering(x: Tensor) -> Tensor:
    """4 [p^(μ p̃^ν) − (p·p̃ − p·p) η^μν] [q_(μ q̃_ν) − (q·q̃ − q·q) η_μν], electron and muon, section 7.1.

    The parentheses add both orders of the indices.
    """
    p, p_after, q, q_after = x.unbind(-1)
    metric = torch.diag(torch.tensor([1.0, -1, -1, -1]))

    def current(a: Tensor, b: Tensor) -> Tensor:
        outer = a[:, :, None] * b[:, None] + b[:, :, None] * a[:, None]
        square = torch.einsum("ni,ij,nj->n", a, metric, b) - torch.einsum("ni,ij,nj->n", a, metric, a)
        return outer - square[:, None, None] * metric

    upper, lower = current(p, p_after), metric @ current(q, q_after) @ metric
    return 4 * (upper * lower).sum((1, 2))


TASKS = (
    Task("O(5) invariant", "O(5)", 2, _normal, _invariant),
    Task("Lorentz invariant", "O(1,3)", 4, _momenta, _scattering),
)


@dataclass(frozen=True)
class Split:
    x: Tensor
    y: Tensor


def splits(task: Task, size: int, seed: int) -> tuple[Split, Split, Split]:
    """Train, validation and test data; y in units of the standard deviation over 20 000 other samples."""
    generator = torch.Generator().manual_seed(1000 + seed)
    scale = task.target(task.sample(20_000, generator)).std()
    found = []
    for count in (size, HELD_OUT, HELD_OUT):
        x = task.sample(count, generator)
        found.append(Split(x.flatten(1), task.target(x)[:, None] / scale))
    return found[0], found[1], found[2]


def mlp(task: Task, width: int = 384) -> nn.Module:
    """Three hidden layers, as in the paper."""
    sizes = [task.vectors * groups.named(task.group).identity.shape[-1], *[width] * 3]
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(width, 1))


class Averaged(nn.Module):
    """The mean of a network over elements drawn from the group's law, always the same ones."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network, self.vectors = network, task.vectors
        drawn = groups.named(task.group).sample(AVERAGE, torch.Generator().manual_seed(7))
        self.register_buffer("elements", torch.as_tensor(drawn).float())

    def forward(self, x: Tensor) -> Tensor:
        moved = torch.einsum("gij,njc->gnic", self.elements, x.unflatten(1, (-1, self.vectors)))
        return torch.stack([self.network(y) for y in moved.flatten(2)]).mean(0)


def models(task: Task) -> dict[str, Callable[[], nn.Module]]:
    """The networks compared; each is built after the seed is set."""
    parts = f"{task.vectors}xV"
    return {
        "EMLP": lambda: zoo.emlp(task.group, parts, "trivial", channels=128),
        "MLP": lambda: mlp(task),
        f"MLP averaged over {AVERAGE} elements": lambda: Averaged(mlp(task), task),
    }


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from torch.randperm(count, generator=generator).split(size)


@dataclass(frozen=True)
class Run:
    """One training run. test: the mean square error where the validation error was least."""

    model: str
    size: int
    seed: int
    rate: float
    validation: float
    test: float
    best_step: int
    seconds: float
    parameters: int
    log: list[float]


def train(name: str, task: Task, size: int, seed: int, rate: float, steps: int = STEPS) -> Run:
    """Adam with a cosine schedule; the step with the least validation error is kept."""
    fit, validation, test = splits(task, size, seed)
    start = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = models(task)[name]()
    optimiser = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    draws = batches(size, min(size, 200), torch.Generator().manual_seed(seed))
    best, log = (float("inf"), float("inf"), 0), []
    for step in range(1, steps + 1):
        chosen = next(draws)
        loss = (network(fit.x[chosen]) - fit.y[chosen]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            errors = [_error(network, split) for split in (validation, test)]
            log.append(errors[0])
            best = min(best, (errors[0], errors[1], step))
    count = sum(p.numel() for p in network.parameters())
    return Run(name, size, seed, rate, *best, time.perf_counter() - start, count, log)


def _error(network: nn.Module, split: Split) -> float:
    with torch.no_grad():
        return float((network(split.x) - split.y).square().mean())


def best_rate(job: tuple[str, int, str, int]) -> Run:
    """The better of two learning rates by validation, for one task, size, network and seed."""
    torch.set_num_threads(1)
    task_name, size, name, seed = job
    task = next(task for task in TASKS if task.name == task_name)
    return min((train(name, task, size, seed, rate) for rate in RATES), key=lambda run: run.validation)


def main() -> None:
    """Every task, size, network and seed, in two processes of one thread each."""
    jobs = [
        (t.name, size, name, seed) for t in TASKS for size in SIZES for name in models(t) for seed in SEEDS
    ]
    found: dict[str, list[dict[str, object]]] = {task.name: [] for task in TASKS}
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for (task, size, name, seed), run in zip(jobs, pool.map(best_rate, jobs), strict=True):
            found[task].append(asdict(run))
            print(task, size, name, seed, f"{run.test:.3g}", f"{run.seconds:.0f} s", flush=True)
    facts = {"sizes": SIZES, "seeds": SEEDS, "rates": RATES, "steps": STEPS, "held_out": HELD_OUT}
    machine = {"torch": torch.__version__, "threads": 1, "system": platform.system()}
    RESULTS.joinpath("emlp.json").write_text(
        json.dumps({**facts, "machine": machine, "runs": found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
