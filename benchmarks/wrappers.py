"""What a plain CNN gains from outside on rotated MNIST: averages, canonical poses, or augmentation.

python -m benchmarks.wrappers: trains and measures what results/wrappers.json does not hold yet.
python -m benchmarks.wrappers afresh: all of it again, but for runs kept in runs/wrappers.
python -m benchmarks.wrappers times: measures times again; only on a machine that does nothing else.
Every network is tested on the test images of `rotmnist`, which lie at random angles.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import mackey
from benchmarks import runs
from benchmarks.measure import inference, interleaved, timing
from mackey import tasks, wrap
from mackey.recipe import Recipe, TrainConfig
from mackey.tasks import Accuracy, Split, Task
from mackey.train import fit, score

SEEDS = (0, 1, 2)
EPOCHS = 40
STRIDED = ("baselines.plain", {"in_channels": 1, "classes": 10, "width": 32, "depth": 7})
POOLED = ("baselines.pooled", {"in_channels": 1, "classes": 10})
# The group of each number of turns averaged over after training: 8 turns are interpolated.
GROUPS = {1: None, 4: "p4", 8: "C8"}
FIELDS = {"p4": 8, "C8": 4}  # of the layers of the scorer


@dataclass(frozen=True)
class Plan:
    """A CNN, its task, whether images are turned in every epoch, and the averages taken after training.

    scorer: the group whose poses a scorer learns. alone: it learns them by the prior loss, behind a trained
    and frozen CNN; else together with the CNN.
    """

    cnn: tuple[str, dict[str, int]]
    task: str
    turned: bool = False
    averages: tuple[int, ...] = (1,)
    scorer: str | None = None
    alone: bool = False
    epochs: int = EPOCHS


PLANS = {
    "rotmnist-pooled-plain": Plan(POOLED, "rotmnist", averages=(1, 4)),
    "rotmnist-pooled-augmented": Plan(POOLED, "rotmnist", turned=True),
    "rotmnist-plain": Plan(STRIDED, "rotmnist", averages=(1, 4)),
    "rotmnist-augmented": Plan(STRIDED, "rotmnist", turned=True),
    "rotmnist-end-to-end-p4": Plan(STRIDED, "rotmnist", scorer="p4", epochs=12),
    "rotmnist-end-to-end-p4-40": Plan(STRIDED, "rotmnist", scorer="p4"),
    "mnist-plain": Plan(STRIDED, "mnist", averages=(1, 4, 8)),
    "mnist-augmented": Plan(STRIDED, "mnist", turned=True),
    "mnist-prior-p4": Plan(STRIDED, "mnist", scorer="p4", alone=True, epochs=10),
    "mnist-prior-C8": Plan(STRIDED, "mnist", scorer="C8", alone=True, epochs=10),
}
NOTES = {
    "rotmnist": "training images lie at fixed random angles, so that a plain CNN sees turned digits too",
    "mnist": "the same digits, trained upright; turned only in the test",
    "augmented": "turned in every epoch, at random angles, bilinear; so are its validation images",
    "prior": "the upright CNN as it is; its scorer learns from upright images alone that they are upright",
    "end to end": "CNN and scorer together",
    "error_p4": "worst relative error over p4 in float64, of mackey.audit",
    "change": "mean |f(turned x) - f(x)| over mean |f(x)| of the logits, at random angles",
}


def recipe(kind: str, seed: int) -> Recipe:
    """The CNN and how it, or the scorer alone, is trained."""
    plan = PLANS[kind]
    config = TrainConfig(epochs=plan.epochs, learning_rate=1e-2, seed=seed)
    return Recipe(plan.cnn[0], dict(plan.cnn[1]), plan.task, config)


def task_of(kind: str, seed: int) -> Task:
    return replace(tasks.load_images(PLANS[kind].task, seed), turned=PLANS[kind].turned)


def trained(kind: str, seed: int) -> nn.Module:
    """The network of the best validation epoch; its run is kept in runs/wrappers and not repeated."""
    plan, folder, task = recipe(kind, seed), _folder(kind, seed), task_of(kind, seed)
    if PLANS[kind].scorer is None:
        return runs.trained(plan, plan.build(tasks.BASELINES), task, folder)
    if PLANS[kind].alone:  # the prior loss is the cross-entropy of the scores with pose 0
        network, scorer = posed(kind, seed, trained("mnist-plain", seed))
        fit(scorer, runs.unseen(upright(task)), plan.train, folder, progress=False)
        return network.eval()
    network, _ = posed(kind, seed, plan.build(tasks.BASELINES))
    fit(network, runs.unseen(task), plan.train, folder, progress=False)
    return network.eval()


def posed(kind: str, seed: int, cnn: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The CNN behind a fresh scorer, and the scorer."""
    group = PLANS[kind].scorer
    assert group is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scorer = wrap.ImageScorer(group, 1, fields=FIELDS[group], depth=3, stride=2)
    return wrap.canonicaliser(cnn, group, "image", "invariant", scorer=scorer), scorer


def averaged(network: nn.Module, turns: int) -> nn.Module:
    """Over turns by 360°/n: the network itself for n = 1. One turn a call: 256 images fill a CPU already."""
    group = GROUPS[turns]
    return network if group is None else wrap.average(network, group, "image", "invariant", chunk=1).eval()


def upright(task: Task) -> Task:
    """Every label is pose 0."""
    train, validation, test = (Split(s.images, torch.zeros_like(s.labels)) for s in task.splits)
    return replace(task, train=train, validation=validation, test=test)


def _folder(kind: str, seed: int) -> Path:
    return runs.RUNS / "wrappers" / f"{kind}-{seed}"


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
    network = trained(kind, seed)
    return {
        str(n): {
            "accuracy": score(averaged(network, n), test, Accuracy()),
            "parameters": tasks.parameter_count(network),
            **errors(averaged(network, n), test.images[:500], seed),
        }
        for n in PLANS[kind].averages
    }


def times() -> None:
    """Median milliseconds of 256 images forward, and seconds of one training epoch, by kind."""
    images = torch.rand(256, 1, 29, 29, generator=torch.Generator().manual_seed(0))
    networks: dict[str, nn.Module] = {}
    training: dict[str, float] = {}
    for kind, plan in PLANS.items():
        cnn, task = recipe(kind, 0).build(tasks.BASELINES), task_of(kind, 0)
        whole, scorer = (cnn, cnn) if plan.scorer is None else posed(kind, 0, cnn)
        learner, given = (scorer, upright(task)) if plan.alone else (whole, task)
        training[kind] = runs.seconds_an_epoch(recipe(kind, 0), learner, given)
        networks |= {f"{kind} {n}": averaged(whole.eval(), n) for n in plan.averages}
    forward = {name: inference(network, images) for name, network in networks.items()}
    speed = {name: timing(one).median for name, one in interleaved(forward, 20.0).items()}
    measured_now = {"milliseconds": speed, "seconds_an_epoch": training, "threads": torch.get_num_threads()}
    runs.write("wrappers", {**runs.read("wrappers"), "times": measured_now})


def main(found: dict[str, Any]) -> None:
    """Each network is written once it is measured; what the file holds is not measured again."""
    for seed in SEEDS:
        for kind in PLANS:
            known = found["runs"].setdefault(kind, {})
            if str(seed) not in known:
                task = tasks.load_images("rotmnist", seed)
                known[str(seed)] = {
                    "by_turns": measured(kind, seed, task.test),
                    "recipe": asdict(recipe(kind, seed)),
                    "validation_by_epoch": runs.log(_folder(kind, seed)),
                }
                print(kind, seed, known[str(seed)]["by_turns"], flush=True)
                sizes = dict(zip(("train", "validation", "test"), map(len, task.splits), strict=True))
                facts = {
                    "name": "wrappers",
                    "torch": torch.__version__,
                    "seeds": SEEDS,
                    "splits": sizes,
                    "notes": NOTES,
                }
                runs.write("wrappers", {**found, **facts})


if __name__ == "__main__":
    runs.command("wrappers", main, times)
