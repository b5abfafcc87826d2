"""What a plain CNN gains from outside on rotated MNIST: averages, canonical poses, or augmentation.

python -m benchmarks.wrappers: trains what runs/wrappers does not hold yet, then results/wrappers.json. Every
network is tested on the test images of `rotmnist`, which lie at random angles.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

import mackey
from benchmarks.measure import inference, interleaved, timing
from mackey import tasks, wrap
from mackey.recipe import Recipe, TrainConfig
from mackey.tasks import Split, Task
from mackey.train import fit, stored

SEEDS = (0, 1, 2)
RUNS = Path(__file__).parents[1] / "runs" / "wrappers"
RESULTS = Path(__file__).parent / "results" / "wrappers.json"
CNN = {"in_channels": 1, "classes": 10, "width": 32, "depth": 7}
EPOCHS = 40
# The training images, whether they are turned anew in every epoch, and the averages taken after training.
TRAINED = {
    "rotmnist-plain": ("rotmnist", False, (1, 4)),
    "rotmnist-augmented": ("rotmnist", True, (1,)),
    "mnist-plain": ("mnist", False, (1, 4, 8)),
}
# The scorer of canonical poses: fields of its layers by group, epochs by kind.
FIELDS = {"p4": 8, "C8": 4}
CANONICAL = {
    "mnist-prior-C8": ("mnist", "C8", 10),
    "mnist-prior-p4": ("mnist", "p4", 10),
    "rotmnist-end-to-end-p4": ("rotmnist", "p4", 12),
}
NOTES = {
    "rotmnist": "training images lie at fixed random angles, so that a plain CNN sees turned digits too",
    "mnist": "the same digits, trained upright; turned only in the test",
    "augmented": "turned once more in every epoch, at random angles, bilinear; so are its validation images",
    "prior": "the upright CNN as it is; its scorer learns from upright images alone that they are upright",
    "end to end": "CNN and scorer together, fewer epochs than the other CNNs: too little time, not a choice",
    "error_p4": "worst relative error over p4 in float64, of mackey.audit",
    "change": "mean |f(turned x) - f(x)| over mean |f(x)| of the logits, at random angles",
}


class TurnAveraged(nn.Module):
    """(1/n) Σ_k f(R^k x), R the turn by 360°/n: bilinear where n is not 4, 2 or 1."""

    def __init__(self, module: nn.Module, turns: int) -> None:
        super().__init__()
        self.module, self.turns = module, turns

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self.module(turn(images, 360 * k / self.turns)) for k in range(self.turns)]).mean(
            0
        )


def turn(images: Tensor, degrees: float) -> Tensor:
    return tasks.rotate(images, torch.full((len(images),), degrees)) if degrees else images


def recipe(name: str, seed: int) -> Recipe:
    """The one CNN and how it is trained, on the task of this name."""
    return Recipe("baselines.plain", CNN, name, TrainConfig(epochs=EPOCHS, learning_rate=1e-2, seed=seed))


def trained(kind: str, seed: int) -> nn.Module:
    """The CNN of the best validation epoch; its run is kept in runs/wrappers and not repeated."""
    name, augmented, _ = TRAINED[kind]
    plan, folder, network = recipe(name, seed), _folder(kind, seed), recipe(name, seed).build(tasks.BASELINES)
    if stored(folder) is None:
        plan.save(folder)
    task = replace(tasks.load(name, seed), turned=augmented)
    fit(network, unseen(task), plan.train, folder, progress=False)
    return network.eval()


def canonical(kind: str, seed: int) -> nn.Module:
    """mnist: a frozen upright CNN behind a scorer that learned by the prior loss; rotmnist: both together."""
    name, group, epochs = CANONICAL[kind]
    plan, task = recipe(name, seed), unseen(replace(tasks.load(name, seed), turned=False))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scorer = wrap.ImageScorer(group, 1, fields=FIELDS[group], depth=3, stride=2)
    settings, folder = replace(plan.train, epochs=epochs), _folder(kind, seed)
    if name == "mnist":  # the prior loss is the cross-entropy of the scores with pose 0
        fit(scorer, _upright(task), settings, folder, progress=False)
        network = trained("mnist-plain", seed)
        return wrap.canonicaliser(network, group, "image", "invariant", scorer=scorer).eval()
    network = wrap.canonicaliser(plan.build(tasks.BASELINES), group, "image", "invariant", scorer=scorer)
    fit(network, task, settings, folder, progress=False)
    return network.eval()


def _upright(task: Task) -> Task:
    """Every label is pose 0."""
    splits = {
        name: Split(split.images, torch.zeros_like(split.labels))
        for name, split in (("train", task.train), ("validation", task.validation), ("test", task.test))
    }
    return replace(task, **splits)


def unseen(task: Task) -> Task:
    """Without its test images, which are read once, after all training."""
    return replace(task, test=task.validation)


def _folder(kind: str, seed: int) -> Path:
    return RUNS / f"{kind}-{seed}"


def accuracies(network: nn.Module, test: Split, averages: tuple[int, ...]) -> dict[int, float]:
    """By number of turns averaged over: each turn of the test images is computed once for all of them."""
    most = max(averages)
    with torch.inference_mode():
        logits = torch.stack(
            [
                torch.cat([network(turn(part, 360 * k / most)) for part in test.images.split(256)])
                for k in range(most)
            ]
        )
    means = {n: logits[:: most // n].mean(0) for n in averages}
    return {n: float((mean.argmax(-1) == test.labels).float().mean()) for n, mean in means.items()}


def errors(network: nn.Module, images: Tensor, seed: int) -> dict[str, float]:
    """error_p4 and change, as in NOTES."""
    angles = tasks.random_angles(len(images), torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        plain, turned = network(images), network(tasks.rotate(images, angles))
    report = mackey.audit(network, images[:16], group="p4")
    worst = max(row.error64 for row in report.rows if row.counted)
    return {"error_p4": worst, "change": float((turned - plain).abs().mean() / plain.abs().mean())}


def measured(kind: str, seed: int, test: Split) -> dict[str, dict[str, float]]:
    """Accuracy and errors of one trained network and of its averages, by number of turns."""
    known = kind in TRAINED
    network, averages = (trained(kind, seed), TRAINED[kind][2]) if known else (canonical(kind, seed), (1,))
    found = accuracies(network, test, averages)
    return {
        str(n): {
            "accuracy": found[n],
            "parameters": tasks.parameter_count(network),
            **errors(TurnAveraged(network, n).eval(), test.images[:500], seed),
        }
        for n in averages
    }


def milliseconds() -> dict[str, float]:
    """Median time of 256 images forward: the CNN, its averages by number of turns, and behind scorers."""
    images = torch.rand(256, 1, 29, 29, generator=torch.Generator().manual_seed(0))
    plain = trained("mnist-plain", SEEDS[0])
    networks = {f"averaged over {n}": TurnAveraged(plain, n) for n in (1, 4, 8)}
    found = {**networks, **{kind: canonical(kind, SEEDS[0]) for kind in CANONICAL}}
    runs = {name: inference(network, images) for name, network in found.items()}
    return {name: timing(times).median for name, times in interleaved(runs, 8.0).items()}


def settings(kind: str, seed: int) -> dict[str, object]:
    """The recipe of a run as plain data; epochs are those of the scorer where only that is trained."""
    name, _, last = {**TRAINED, **CANONICAL}[kind]
    plan = recipe(name, seed)
    if isinstance(last, int):
        plan = replace(plan, train=replace(plan.train, epochs=last))
    return asdict(plan)


def log(kind: str, seed: int) -> list[float]:
    """Validation accuracy by epoch."""
    lines = (_folder(kind, seed) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["validation"] for line in lines]


def write(found: Mapping[str, object]) -> None:
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    """Each network is written once it is measured; what the file holds is not measured again."""
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"runs": {}}
    for seed in SEEDS:
        test = tasks.load("rotmnist", seed).test
        for kind in (*TRAINED, *CANONICAL):
            runs = found["runs"].setdefault(kind, {})
            if str(seed) not in runs:
                runs[str(seed)] = {
                    "by_turns": measured(kind, seed, test),
                    "recipe": settings(kind, seed),
                    "validation_by_epoch": log(kind, seed),
                }
                print(kind, seed, runs[str(seed)]["by_turns"], flush=True)
                write(found)
    network = trained("mnist-plain", SEEDS[0])
    facts = {"seeds": SEEDS, "test": len(test), "notes": NOTES, "parameters": tasks.parameter_count(network)}
    machine = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    write({**found, **machine, **facts, "milliseconds_256_images": milliseconds()})


if __name__ == "__main__":
    main()
