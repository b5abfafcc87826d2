"""φ(x) = E[ρ_out(g) f(ρ_in(g)⁻¹x)], g ~ p(g|x): any network, in learnt random poses that move with x."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType, Acting, Declaration, EdgeIndex, GroupLike, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups import Orthogonal, SpecialOrthogonal
from mackey.wrap.clouds import CloudReader
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.posing import Posing
from mackey.wrap.random_poses import AbstractRandomPose, CloudRandomPose, Drawn, PointRandomPose, with_points
from mackey.wrap.sorted_frames import along, point_axes

_WHERE = "wrap.probabilistic"


class ProbabilisticSymmetrised(nn.Module):
    """φ(x) = (1/k) Σ_i ρ_out(g_i) f(ρ_in(g_i)⁻¹x), g_i = q(x, ε_i), ε_i ~ N(0, 1), in training and after.

    For given noise all is exact: φ(hx; hε) = h φ(x; ε), and ε has the law of hε. So the law of φ(hx) is that
    of h φ(x), and the mean is equivariant; one call is off by what `estimate` returns, ~ 1/√k. This holds for
    symmetric inputs too, whose pose no function of x alone could choose. One call of f, on k times the batch.
    generator: of the noise; torch's own without one. Source: Kim et al., NeurIPS 2023, eq. (4).
    """

    def __init__(
        self,
        network: nn.Module,
        pose: AbstractRandomPose,
        *,
        types: tuple[tuple[AbstractTensorType, ...], tuple[AbstractTensorType, ...]],
        posing: Posing | None,
        name: str,
        samples: int,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.network, self.pose, self.posing, self.samples = network, pose, posing, samples
        self.in_types, self.out_types = types
        self.generator = generator
        note = "the error of the mean of k samples falls as 1/√k; `estimate` measures it"
        self.guarantee = Guarantee("in_expectation", name, note)

    def noise(self, *inputs: Tensor, samples: int | None = None) -> Float[Tensor, "b k n c"]:
        """ε for a batch, in the dtype of the inputs."""
        x, axis = next(
            (x, axes[0])
            for one, x in zip(self.in_types, inputs, strict=True)
            if (axes := point_axes(x, one)) and x.is_floating_point()
        )
        shape = (x.shape[0], samples or self.samples, x.shape[axis], self.pose.width())
        return torch.randn(shape, generator=self.generator, dtype=x.dtype, device=x.device)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.given(self.noise(*inputs), *inputs)

    def given(self, noise: Float[Tensor, "b k n c"], *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """φ(x; ε)."""
        each, alone, dtypes = self._each(noise, inputs)
        means = tuple(y.mean(1).to(dtype) for y, dtype in zip(each, dtypes, strict=True))
        return means[0] if alone else means

    def estimate(
        self, *inputs: Tensor, samples: int | None = None
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The mean of every output over the samples, and its standard error s/√k, element by element."""
        noise = self.noise(*inputs, samples=samples)
        if noise.shape[1] < 2:
            remedy = "give samples=16"
            raise ValueError(sentence(_WHERE, wanted="two samples to compare", got="one", remedy=remedy))
        each, _, dtypes = self._each(noise, inputs)
        return tuple(y.mean(1).to(t) for y, t in zip(each, dtypes, strict=True)), tuple(
            (y.std(1) / y.shape[1] ** 0.5).to(t) for y, t in zip(each, dtypes, strict=True)
        )

    def _each(
        self, noise: Tensor, inputs: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], bool, list[torch.dtype]]:
        """Every output of every sample, (b, k, …); whether there was one output; dtypes."""
        if len(inputs) != len(self.in_types):
            remedy = 'declare every input; "invariant" for what does not move'
            raise _refusal(f"{len(self.in_types)} inputs, as declared", str(len(inputs)), remedy)
        b, k = noise.shape[:2]
        centre = None
        if self.posing is not None:
            self.posing.check(inputs)
            centre = self.posing.centre(inputs)
            centred, centre = self.posing.centred(inputs, centre), _copies(centre, k)
        else:
            centred = inputs
        copies = tuple(_copies(x, k) if x.ndim else x for x in inputs)
        drawn = self.pose(noise.flatten(0, 1), copies)
        pulled = self._pull(tuple(_copies(x, k) if x.ndim else x for x in centred), drawn, inputs)
        out = self.network(*pulled)
        outputs = as_tuple(out)
        if len(outputs) != len(self.out_types):
            got, remedy = str(len(outputs)), "declare every output"
            raise _refusal(f"{len(self.out_types)} outputs, as declared", got, remedy)
        pushed = self._push(outputs, drawn)
        if self.posing is not None and centre is not None:
            pushed = self.posing.placed(pushed, centre)
        return (
            tuple(y.unflatten(0, (b, k)) for y in pushed),
            isinstance(out, Tensor),
            [y.dtype for y in outputs],
        )

    def _pull(
        self, copies: tuple[Tensor, ...], drawn: Drawn, inputs: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """ρ_in(g)⁻¹x."""
        found = copies
        if self.posing is not None and drawn.frames is not None:
            dtypes = tuple(x.dtype for x in inputs)
            found = self.posing.pull(copies, drawn.frames[:, None], dtypes)
        if drawn.order is None or drawn.sorting is None:
            return found
        return tuple(
            with_points(x, one, drawn.sorting) if x.is_floating_point() else along(x, one, drawn.order)
            for one, x in zip(self.in_types, found, strict=True)
        )

    def _push(self, outputs: tuple[Tensor, ...], drawn: Drawn) -> tuple[Tensor, ...]:
        """ρ_out(g) y."""
        if drawn.sorting is not None:
            outputs = tuple(
                with_points(y, one, drawn.sorting.mT) for one, y in zip(self.out_types, outputs, strict=True)
            )
        if self.posing is None or drawn.frames is None:
            return outputs
        return self.posing.push(outputs, drawn.frames[:, None])


def _copies(x: Tensor, count: int) -> Tensor:
    """Every sample `count` times, copies side by side."""
    return x[:, None].expand(-1, count, *x.shape[1:]).flatten(0, 1)


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))


def probabilistic(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    samples: int = 8,
    pose: AbstractRandomPose | None = None,
    mask: int | None = None,
    generator: torch.Generator | None = None,
) -> ProbabilisticSymmetrised:
    """`network`, equivariant in expectation under O(n), SO(n), E(n), SE(n), Sym, or one of these ×Sym.

    Types as in `mackey.actions`. samples: k, poses drawn for each input. pose: a law of your own; by default
    wrap.CloudRandomPose. Under "Sym" alone it has to be given, since types do not tell how many numbers a
    point has: wrap.point_random_pose("tokens", points=2). mask: the number of the input that says which
    points are there. Source: Kim et al., NeurIPS 2023.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    if samples < 1 or any(isinstance(one, EdgeIndex) for one in (*types[0], *types[1])):
        got = f"samples={samples}, {types[0]}"
        raise _refusal("samples ≥ 1, and tensors with a batch axis", got, "graphs go as pairs (b, n, n, …)")
    posing = None
    if acts.space is not None:
        space = Acting(acts.space)
        if not isinstance(space.linear, Orthogonal | SpecialOrthogonal) or acts.permutations is not None:
            raise _refusal("O(n), SO(n), E(n), SE(n), Sym, or G×Sym", acts.name, "see mackey.wrap for others")
        posing = Posing(space, *types, mask, _WHERE)
        if pose is None:
            pose = CloudRandomPose(CloudReader(_WHERE, space, types[0], mask), sorts=acts.permutes)
    if pose is None:
        wanted = "a law of the order of the points"
        raise _refusal(wanted, "none", "give pose=wrap.point_random_pose(in_type, points=…)")
    return ProbabilisticSymmetrised(
        network, pose, types=types, posing=posing, name=acts.name, samples=samples, generator=generator
    )


def point_random_pose(
    in_type: Declaration, *, points: int, pairs: int = 0, temperature: float = 0.1, hidden: int = 32
) -> PointRandomPose:
    """Random orders of inputs that hold `points` numbers for each point and `pairs` for each pair in all."""
    types = types_of(in_type, acting("Sym"), _WHERE)
    return PointRandomPose(types, points=points, pairs=pairs, temperature=temperature, hidden=hidden)
