"""The pose of least energy of a cloud, by Newton's method from poses that turn with it."""

from collections.abc import Callable
from itertools import permutations, product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups.rotation_maps import rotation_exp
from mackey.wrap.cloud_canonicaliser import AbstractPoseFinder
from mackey.wrap.posing import Posing

_WHERE = "wrap.optimised"
_TURNS = 16  # starts in the plane
_RADIUS = 0.5  # no step turns further than this, in radians
_SHARES = (1.0, 0.25, 0.03)  # of a step, the best is taken
_SLACK = 16  # an energy higher by so many roundings is as good: steps end below the rounding of energies
_ROUNDING = 1e-12  # curvatures below this part of the energy are rounding
_TINY = 1e-100
_FLAT = 1e-6  # curvatures below this part of the largest one count as this part


class PoseSearch(AbstractPoseFinder):
    """F(x) = argmin_F E(ρ_in(F)⁻¹x) over SO(d) or O(d), d = 2 or 3.

    Starts: the principal axes of x times `start_poses`, a set that turns with x; the best `refined` of them
    take `steps` damped Newton steps E″v = −E′ in F exp(v), and the lowest wins. So F(gx) = gF(x), converged
    or not. One more step is differentiable: by the implicit function theorem, first derivatives with respect
    to x and to the weights of E are those of the argmin where it has converged. Compiles; torch.export does
    not know torch.func.grad, as of 2.13.
    """

    def __init__(self, energy: nn.Module, *, steps: int = 12, refined: int = 4) -> None:
        super().__init__()
        if steps < 0 or refined < 1:
            wanted, got = "steps ≥ 0 and refined ≥ 1", f"{steps} and {refined}"
            raise ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy="leave them out"))
        self.energy, self.steps, self.refined = energy, steps, refined

    @property
    def except_for(self) -> str:
        return (
            "inputs with two poses of least energy, or with two equal moments where a start misses the least"
        )

    def forward(self, posing: Posing, inputs: tuple[Tensor, ...], centred: tuple[Tensor, ...]) -> Tensor:
        dtypes = tuple(x.dtype for x in inputs)
        still = _Landscape(self.energy, posing, tuple(x.detach() for x in centred), dtypes)
        with torch.no_grad():
            axes = posing.poses(inputs)[0][:, :1]
            frames = axes @ start_poses(axes.shape[-1], proper=posing.proper, like=axes)
            kept = min(self.refined, frames.shape[1])
            frames = _picked(frames, still.energies(frames).topk(kept, dim=1, largest=False).indices)
            for _ in range(self.steps):
                frames = still.nearer(frames)
            frame = _picked(frames, still.energies(frames).argmin(1, keepdim=True))
        step = _Landscape(self.energy, posing, centred, dtypes).step(frame)
        return (frame @ rotation_exp(step))[:, 0]


class _Landscape(NamedTuple):
    """E over the poses of given inputs."""

    energy: nn.Module
    posing: Posing
    centred: tuple[Tensor, ...]
    dtypes: tuple[torch.dtype, ...]

    def energies(self, frames: Float[Tensor, "b m d d"]) -> Float[Tensor, "b m"]:
        """E(ρ_in(F)⁻¹x), float64."""
        moved = self.posing.pull(self.centred, frames, self.dtypes)
        return energy_of(self.energy, moved, frames.shape[0] * frames.shape[1]).view(frames.shape[:2])

    def nearer(self, frames: Float[Tensor, "b m d d"]) -> Float[Tensor, "b m d d"]:
        """One Newton step, or the part of it with the least energy; none where all are higher."""
        step, count = self.step(frames), frames.shape[1]
        tried = torch.cat([frames, *(frames @ rotation_exp(share * step) for share in _SHARES)], 1)
        values = self.energies(tried).unflatten(1, (-1, count))
        here = values[:, :1]
        slack = _SLACK * torch.finfo(self.dtypes[self.posing.source]).eps * here.abs()
        values = torch.cat([here + slack, values[:, 1:]], 1)  # stays only where every step is worse
        chosen = values.argmin(1, keepdim=True)[..., None, None].expand(-1, -1, -1, *frames.shape[-2:])
        return tried.unflatten(1, (-1, count)).gather(1, chosen)[:, 0]

    def step(self, frames: Float[Tensor, "b m d d"]) -> Float[Tensor, "b m k"]:
        """−|E″|⁻¹E′ at v = 0 of E(F exp(v)), by the moduli of the curvatures; E″ counts as constant."""
        batch, m, d, _ = frames.shape
        k = d * (d - 1) // 2
        zero = torch.zeros(batch, m, k, dtype=frames.dtype, device=frames.device)
        slope, here = torch.func.grad(self._total(frames), has_aux=True)(zero)
        with torch.no_grad():  # row i of E″ from copy i of the frame
            copies, rows = frames.repeat_interleave(k, 1), torch.eye(k, dtype=zero.dtype, device=zero.device)

            def row(v: Tensor) -> Tensor:
                slopes, _ = torch.func.grad(self._total(copies), has_aux=True)(v)
                return (slopes.unflatten(1, (m, k)) * rows).sum()

            curvature = torch.func.grad(row)(zero.repeat_interleave(k, 1)).unflatten(1, (m, k))
            inverse = _inverse((curvature + curvature.mT) / 2, here)
            length = torch.linalg.vector_norm((inverse @ slope[..., None])[..., 0], dim=-1)
            inverse = inverse * (_RADIUS / length.clamp_min(_RADIUS))[..., None, None]
        return -(inverse @ slope[..., None])[..., 0]

    def _total(self, frames: Float[Tensor, "b m d d"]) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """v ↦ Σ E(F exp(v)), and the energies."""

        def total(v: Tensor) -> tuple[Tensor, Tensor]:
            found = self.energies(frames @ rotation_exp(v))
            return found.sum(), found.detach()

        return total


def _inverse(curvature: Float[Tensor, "*b k k"], energy: Float[Tensor, "*b"]) -> Float[Tensor, "*b k k"]:
    """|E″|⁻¹; 0 where E″ is no more than the rounding of E."""
    curvatures, axes = torch.linalg.eigh(curvature)
    moduli = curvatures.abs()
    largest = moduli.amax(-1, keepdim=True)
    inverse = (axes / moduli.maximum(_FLAT * largest).clamp_min(_TINY)[..., None, :]) @ axes.mT
    return torch.where((largest > _ROUNDING * energy.abs()[..., None] + _TINY)[..., None], inverse, 0.0)


def energy_of(energy: nn.Module, inputs: tuple[Tensor, ...], count: int) -> Float[Tensor, " count"]:
    """One number for each sample. Raises ValueError where the network returns anything else."""
    found = energy(*inputs)
    if not isinstance(found, Tensor) or found.numel() != count or found.shape[0] != count:
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else str(type(found))
        remedy = "return a tensor (b,) or (b, 1)"
        raise ValueError(sentence(_WHERE, wanted="one energy for each sample", got=got, remedy=remedy))
    return found.reshape(count).double()


def start_poses(d: int, *, proper: bool, like: Tensor) -> Float[Tensor, "k d d"]:
    """A finite group of poses, every choice of signs and order of the axes among them: turns by 22.5° for
    d = 2, the 24 rotations of a cube for d = 3; with mirrors twice as many.
    """
    if d == 2:
        angles = torch.arange(_TURNS, dtype=like.dtype, device=like.device) * (2 * torch.pi / _TURNS)
        turns = rotation_exp(angles[:, None])
        mirror = torch.tensor([1.0, -1.0], dtype=like.dtype, device=like.device)
        return turns if proper else torch.cat([turns, turns * mirror])
    found = []
    for order, signs in product(permutations(range(d)), product((1.0, -1.0), repeat=d)):
        swaps = sum(order[i] > order[j] for i in range(d) for j in range(i + 1, d)) + signs.count(-1.0)
        if not proper or swaps % 2 == 0:
            found.append([[signs[i] * (order[i] == j) for j in range(d)] for i in range(d)])
    return torch.tensor(found, dtype=like.dtype, device=like.device)


def _picked(frames: Float[Tensor, "b m d d"], index: Tensor) -> Float[Tensor, "b k d d"]:
    return frames.gather(1, index[..., None, None].expand(-1, -1, *frames.shape[-2:]))
