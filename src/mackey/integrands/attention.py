"""ω(F, g′) = N_{g′}[a(q(e), k(g′), g′)] v(g′): self-attention, with q, k, v linear (pointwise or
convolutional) in f.
"""

from typing import TypeVar

from torch import Tensor

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.abstract import NORMALISE, AbstractIntegrand, AbstractSupport, All, Window
from mackey.integrands.constants import Memo
from mackey.integrands.linear import Linear
from mackey.integrands.policies import AXES, AbstractAxis
from mackey.integrands.positions import AbstractPosition, Content, NoPosition, Table
from mackey.integrands.twists import InducedTwist, Twist
from mackey.spaces import Grid, Point, Pose, Sequence

POSITIONS = ("none", "table", "twist", "content")
Position = str | tuple[str, int]


Choice = TypeVar("Choice")


class _Both(AbstractSupport):
    """The support of an attention: a window, and the relative elements that the axis policy admits."""

    def __init__(self, where: AbstractSupport, axis: AbstractAxis) -> None:
        self.where, self.axis = where, axis

    def contains(self, pose: Pose) -> Tensor:
        return self.where.contains(pose) & self.axis.admits(pose)


class Attention(AbstractIntegrand):
    """softmax_{g′}(⟨q(e), k(g′)⟩/√w + position) v(g′), then a pointwise linear map W_O.

    (q, k, v) = Φ_κ f with one steerable kernel κ of size kernel_size; fields of the output type, in whole per
    head.
    axis: contract | frame | lift. normalise: softmax | mean | identity.
    position: none | twist | ("table", n) | ("content", n), for up to n samples along an axis.
    """

    pre: Linear
    post: Linear

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        *,
        heads: int = 1,
        kernel_size: int = 1,
        axis: str = "contract",
        position: Position = "none",
        normalise: str = "softmax",
        window: int | None = None,
    ) -> None:
        super().__init__(in_type, out_type)
        self.heads = heads
        self.axis = _choose(AXES, axis, "axis")
        self.normalise = _choose(NORMALISE, normalise, "normalise")
        self._check(window, kernel_size)
        self.window = All() if window is None else Window(window)
        self.support = _Both(self.window, self.axis)
        triple = FieldType(out_type.domain, out_type.rep, 3 * out_type.multiplicity)
        self.pre = Linear(in_type, triple, kernel_size=kernel_size)
        self.position = self._position(position)
        self.post = Linear(out_type, out_type)
        self.memo = Memo()  # what depends on sizes only: coordinates, table entries, window

    def _check(self, window: int | None, kernel_size: int) -> None:
        field, domain = self.out_type, self.out_type.domain
        if isinstance(domain, Point):
            raise ValueError(
                sentence(
                    "Attention",
                    wanted="a domain with more than one point",
                    got=str(domain),
                    remedy="use nn.Linear where nothing is left to attend to",
                )
            )
        if kernel_size % 2 == 0:
            raise ValueError(
                sentence(
                    "Attention",
                    wanted="an odd kernel_size, so that q, k and v lie on the samples of the input",
                    got=str(kernel_size),
                    remedy="use 1, 3, 5, …",
                )
            )
        reason = self.axis.why_not(field)
        if reason is not None:
            raise ValueError(f"Attention: {reason}")
        if self.heads < 1 or field.multiplicity % self.heads:
            raise ValueError(
                sentence(
                    "Attention",
                    wanted=f"heads that divide {field.multiplicity} fields",
                    got=str(self.heads),
                    remedy="each head takes whole fields",
                )
            )
        if window is not None and (
            window < 1 or window % 2 == 0 or (isinstance(domain, Grid) and not domain.group.is_exact)
        ):
            raise ValueError(
                sentence(
                    "Attention",
                    wanted="an odd window, stable under the point group",
                    got=f"{window} under {domain.group}",
                    remedy="use an odd size on p4 or p4m",
                )
            )

    def _position(self, given: Position) -> AbstractPosition:
        field, domain = self.out_type, self.out_type.domain
        name, extent = (given, None) if isinstance(given, str) else given
        if name not in POSITIONS:
            raise ValueError(
                sentence(
                    "Attention",
                    wanted=f"position {' | '.join(POSITIONS)}",
                    got=repr(name),
                    remedy="choose one of these",
                )
            )
        if name == "none":
            return NoPosition()
        if not isinstance(domain, Grid | Sequence) or (isinstance(domain, Grid) and domain.periodic):
            raise ValueError(
                sentence(
                    "Attention",
                    wanted="a Grid or Sequence that does not wrap for positions",
                    got=str(domain),
                    remedy='use position="none"',
                )
            )
        if name == "twist":
            if isinstance(domain, Grid) and not field.table.is_regular:
                raise ValueError(
                    sentence(
                        "Attention position twist",
                        wanted="a regular fibre, whose channels are frames",
                        got=str(field.rep),
                        remedy="use position table or content",
                    )
                )
            kind = InducedTwist if self.axis.crosses_orientations else Twist
            return kind(field, self.heads, self.axis)
        if extent is None:
            raise ValueError(
                sentence(
                    f"Attention position {name}",
                    wanted="the largest size of an axis with it",
                    got="only the name",
                    remedy=f'give for example ("{name}", 14) for 14×14 samples',
                )
            )
        if isinstance(domain, Grid) and not domain.group.is_exact:
            raise ValueError(
                sentence(
                    f"Attention position {name}",
                    wanted="a point group that keeps the lattice",
                    got=str(domain.group),
                    remedy='use position="twist"',
                )
            )
        return (Table if name == "table" else Content)(field, self.heads, self.axis, extent)

    @property
    def feature_type(self) -> FieldType:
        """(q, k, v), read as the axis policy reads fibres."""
        return self.axis.read(self.pre.out_type)

    @property
    def value_type(self) -> FieldType:
        return self.axis.read(self.out_type)

    def _heads(self, features: Tensor, part: int) -> Tensor:
        """q, k or v as (b, m, heads, e, d)."""
        return features.unflatten(2, (3, self.heads, -1))[:, :, part]

    def score(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """⟨q(e), k(g′)⟩/√w and what the position adds."""
        return self.position.score(self._heads(here, 0), self._heads(there, 1), pose)

    def message(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """v(g′)."""
        return self._heads(there, 2).flatten(2, 3)

    def output_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """As many as the input has; refuses sizes that the position does not cover."""
        self.pre.output_sizes(sizes)
        self.position.check(sizes)
        return sizes

    @property
    def theory_count(self) -> int:
        """The number of weights that theory predicts: those of W_q, W_k, W_v, W_O and of the position."""
        own = sum(p.numel() for p in self.position.parameters())
        return self.pre.theory_count + self.post.theory_count + own


def _choose(options: dict[str, Choice], name: str, what: str) -> Choice:
    if name not in options:
        raise ValueError(
            sentence(
                "Attention",
                wanted=f"{what} {' | '.join(options)}",
                got=repr(name),
                remedy="choose one of these",
            )
        )
    return options[name]


__all__ = ["POSITIONS", "Attention"]
