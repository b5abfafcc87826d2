"""Any network in local frames, one for each point: equivariant, and exact where the frames are defined."""

from collections.abc import Sequence

from torch import Tensor, nn

from mackey.actions import (
    AbstractTensorType,
    Acting,
    Declaration,
    Features,
    GroupLike,
    Matrices,
    Scalars,
    Vectors,
    acting,
)
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups import AbstractMatrixGroup
from mackey.reps import AbstractRep, determinant, standard, tensor
from mackey.reps.wigner import in_full_precision
from mackey.wrap.clouds import CloudReader
from mackey.wrap.declared_types import as_tuple, is_position, types_of
from mackey.wrap.frame_prediction import AbstractFramePredictor, LorentzFrames, OrthogonalFrames
from mackey.wrap.transport import AbstractTransporting, Transport

_WHERE = "wrap.local_frames"


class _Moved(nn.Module):
    """One declared tensor (b, n, …) into the frames of its points and back, in float64."""

    def __init__(self, one: AbstractTensorType, group: AbstractMatrixGroup) -> None:
        super().__init__()
        rep = _rep_of(one, group)
        self.transport = None if rep is None or rep.is_trivial else Transport(rep)
        self.shifts = is_position(one)
        self.whole = isinstance(one, Features | Vectors)  # ρ acts on the last axis, not on the last two
        self.single = isinstance(one, Scalars)

    def localise(self, x: Tensor, steps: Sequence[Tensor], centre: Tensor | None) -> Tensor:
        """ρ(L_i) (x_i − c), L_i the product of the steps, the first of them first."""
        if self.transport is None:
            return x
        y = self._flat(x.double() - centre if self.shifts and centre is not None else x.double())
        for step in steps:
            y = self.transport.localise(y, step)
        return y.reshape(x.shape).to(x.dtype)

    def globalise(self, y: Tensor, steps: Sequence[Tensor], centre: Tensor | None) -> Tensor:
        """ρ(L_i⁻¹) y_i + c."""
        if self.transport is None:
            return y
        x = self._flat(y.double())
        for step in reversed(steps):
            x = self.transport.globalise(x, step)
        x = x.reshape(y.shape)
        return (x + centre if self.shifts and centre is not None else x).to(y.dtype)

    def _flat(self, x: Tensor) -> Tensor:
        """(b, n, ·, d)."""
        fibre = x[..., None] if self.single else x if self.whole else x.flatten(-2)
        return fibre.reshape(*x.shape[:2], -1, fibre.shape[-1])


def _rep_of(one: AbstractTensorType, group: AbstractMatrixGroup) -> AbstractRep | None:
    """How one fibre of a declared type moves; None where it does not."""
    V = standard(group)
    if isinstance(one, Vectors):
        return tensor(V, determinant(V)) if one.handed else V
    if isinstance(one, Scalars):
        return determinant(V) if one.handed else None
    if isinstance(one, Matrices):
        return tensor(V, V)
    return one.rep if isinstance(one, Features) else None


class LocalFrames(nn.Module):
    """y_i = ρ_out(L_i⁻¹) φ(ρ_in(L_j)x_j, L)_i for any φ, with frames L_i predicted from the inputs.

    φ sees invariants only, so the whole is as equivariant as the frames are, whatever φ is. A φ that is
    `AbstractTransporting` is called as φ(x, L, mask) and carries its messages by ρ(L_i L_j⁻¹); any other as
    φ(*x), its messages then being scalars. Frames are found, and inputs and outputs moved, in float64.
    """

    def __init__(
        self,
        backbone: nn.Module,
        reader: CloudReader,
        predictor: AbstractFramePredictor,
        out_types: tuple[AbstractTensorType, ...],
    ) -> None:
        super().__init__()
        self.backbone, self.predictor, self.reader = backbone, predictor, reader
        CloudReader(_WHERE, reader.acts, (*reader.types, *out_types), reader.mask)
        if any(map(is_position, out_types)) and reader.position is None:
            remedy = 'declare the outputs "vectors", or wrap under E(n) with positions'
            raise _refusal("positions among the inputs, to place the outputs", reader.acts.name, remedy)
        group = reader.acts.linear
        assert isinstance(group, AbstractMatrixGroup)
        self.sources = [_Moved(one, group) for one in reader.types]
        self.results = [_Moved(one, group) for one in out_types]
        self.moves = nn.ModuleList([*self.sources, *self.results])
        self.carries = isinstance(backbone, AbstractTransporting)
        others = len(reader.types) - int(reader.mask is not None)
        if self.carries and others != 1:
            remedy = 'declare one representation, such as "4x0e + 2x1o"'
            raise _refusal("one tensor for a backbone that transports", f"{others}", remedy)

    @property
    def guarantee(self) -> Guarantee:
        return self.predictor.guarantee(self.reader.acts.name)

    def frames(self, *inputs: Tensor) -> Float[Tensor, "b n d d"]:
        """L_i, float64."""
        frames, first = self._frames(inputs)
        if first is None:
            return frames
        with in_full_precision(frames):
            return frames @ first[:, None]

    def _frames(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor | None]:
        """L_i B⁻¹, found on what B has moved, and B."""
        cloud = self.reader.read(inputs)
        first = self.predictor.first(cloud)
        return self.predictor(cloud if first is None else cloud.moved(first)), first

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        (frames, first), centre = self._frames(inputs), self.reader.centre(inputs)
        steps = [frames[:, :, None]] if first is None else [first[:, None, None], frames[:, :, None]]
        local = [move.localise(x, steps, centre) for move, x in zip(self.sources, inputs, strict=True)]
        if self.carries:
            mask = None if self.reader.mask is None else local.pop(self.reader.mask)
            outputs = self.backbone(local[0], frames.to(local[0].dtype), mask)
        else:
            outputs = self.backbone(*local)
        given = as_tuple(outputs)
        if len(given) != len(self.results):
            wanted, got = f"{len(self.results)} outputs, as declared", str(len(given))
            raise _refusal(wanted, got, "declare every output")
        moved = tuple(move.globalise(y, steps, centre) for move, y in zip(self.results, given, strict=True))
        return moved[0] if isinstance(outputs, Tensor) else moved


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))


def local_frames(
    backbone: nn.Module,
    group: GroupLike = "SE(3)",
    in_type: Declaration = "positions",
    out_type: Declaration = "invariant",
    *,
    mask: int | None = None,
    hidden: int = 32,
    unit: float = 1.0,
) -> LocalFrames:
    """`backbone` made equivariant under SO(2), SO(3), O(2), O(3), SO⁺(1, 3), with translations or without.

    Types as in `mackey.actions`, points on axis 1: "positions", "vectors", "4x0e + 2x1o", "8xtrivial + V".
    Under SO⁺(1, 3) the first vector of each point must be its momentum (E, p⃗), forward. mask: the number of
    the input, bool (b, n), that says which points are there. unit: the length or energy in which the
    invariants that choose the frames are measured.
    """
    acts = acting(group)
    reader = CloudReader(_WHERE, acts, types_of(in_type, acts, _WHERE), mask)
    kind = LorentzFrames if _is_lorentz(acts) else OrthogonalFrames
    predictor = kind(reader, hidden=hidden, unit=unit)
    return LocalFrames(backbone, reader, predictor, types_of(out_type, acts, _WHERE))


def _is_lorentz(acts: Acting) -> bool:
    return acts.linear is not None and acts.linear.name == "SO+(1,3)"
