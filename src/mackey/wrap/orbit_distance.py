"""Any network made equivariant by a learned q(x) that moves with x, pushed onto the group by a loss."""

from typing import Any

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType, Declaration, Features, GroupLike, Motion, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups import AbstractGroup, AbstractMatrixGroup, IndefiniteOrthogonal
from mackey.reps import AbstractRep, blocks_of
from mackey.wrap.cloud_pose import CloudPose, LorentzPose, is_proper
from mackey.wrap.clouds import CloudReader
from mackey.wrap.declared_types import as_tuple, is_position, types_of
from mackey.wrap.transport import form_inverse, form_signs

_WHERE = "wrap.orbit_symmetrise"
_SAME = 1e-9


def orbit_inverse(q: Float[Tensor, "*b d d"], group: AbstractMatrixGroup) -> Float[Tensor, "*b d d"]:
    """η qᵀ η: q⁻¹ on the group, and for every matrix (gq)^inv = q^inv g⁻¹."""
    return form_inverse(q, torch.as_tensor(form_signs(group), device="cpu"))


def orbit_distance(q: Float[Tensor, "*b d d"], group: AbstractMatrixGroup) -> Float[Tensor, "*b"]:
    """‖qᵀηq − η‖², the distance of q from G = O(p, q) by invariants that separate its orbits.

    For groups without reflections + (det q − 1)²; for SO⁺(1, n) + max(0, 1 − q₀₀)²: time runs forward.
    """
    eta = torch.diag(torch.as_tensor(form_signs(group), device="cpu")).to(q)
    found = ((q.mT @ eta @ q - eta) ** 2).sum((-2, -1))
    proper = is_proper(group)
    if proper:
        found = found + (torch.linalg.det(q) - 1) ** 2
    if proper and isinstance(group, IndefiniteOrthogonal):
        found = found + (1 - q[..., 0, 0]).clamp_min(0) ** 2
    return found


class OrbitSymmetrised(nn.Module):
    """y = ρ_out(q) φ(ρ_in(q^inv) x), q = q(x) equivariant and q^inv = η qᵀ η.

    Equivariance holds for every q, on the group or off it: (gq)^inv gx = q^inv x, and ρ_out(gq) = ρ_out(g)
    ρ_out(q), which is checked for the declared types. What the loss `distance` buys is that q^inv x lies on
    the orbit of x, so that φ sees inputs of the kind it was made for; off the group the inputs are distorted,
    and lose what lies in the kernel of q. Source: Nguyen et al., 2023, sect. 3.
    """

    def __init__(
        self,
        network: nn.Module,
        pose: nn.Module,
        reader: CloudReader,
        out_types: tuple[AbstractTensorType, ...],
    ) -> None:
        super().__init__()
        group = reader.acts.linear
        assert isinstance(group, AbstractMatrixGroup)
        self.network, self.pose, self.reader, self.group = network, pose, reader, group
        self.out_types = out_types
        for one in (*reader.types, *out_types):
            if isinstance(one, Features):
                _need_multiplicative(one.rep, group)
        if reader.position is None and any(map(is_position, out_types)):
            got, remedy = reader.acts.name, 'declare the outputs "vectors", or give positions under E(n)'
            raise _refusal("positions among the inputs, to place the outputs", got, remedy)

    @property
    def guarantee(self) -> Guarantee:
        note = (
            "for every input, whatever q is; that inputs stay on their orbit is soft, by the loss `distance`"
        )
        if isinstance(self.pose, LorentzPose):
            note = "outside the set, of measure zero from four vectors on, of clouds that do not span R⁴"
        return Guarantee("exact", self.reader.acts.name, note)

    def distance(self, *inputs: Tensor) -> Float[Tensor, " b"]:
        """The loss of each sample: `orbit_distance` of q(x)."""
        return orbit_distance(self.pose(*inputs), self.group)

    def canonical(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """ρ_in(q^inv) x."""
        return self._canonical(inputs, self.pose(*inputs).double())

    def _canonical(self, inputs: tuple[Tensor, ...], q: Tensor) -> tuple[Tensor, ...]:
        motion, centre = Motion(linear=orbit_inverse(q, self.group)), self.reader.centre(inputs)
        found = []
        for one, x in zip(self.reader.types, inputs, strict=True):
            y = x.double() if one.moves and x.is_floating_point() else x
            y = y - centre if is_position(one) and centre is not None else y
            found.append(one.act(y, motion).to(x.dtype) if one.moves and x.is_floating_point() else x)
        return tuple(found)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        q, centre = self.pose(*inputs).double(), self.reader.centre(inputs)
        outputs = self.network(*self._canonical(inputs, q))
        given = as_tuple(outputs)
        if len(given) != len(self.out_types):
            wanted, got = f"{len(self.out_types)} outputs, as declared", str(len(given))
            raise _refusal(wanted, got, "declare every output")
        moved = []
        for one, y in zip(self.out_types, given, strict=True):
            x = one.act(y.double(), Motion(linear=q)) if one.moves else y
            moved.append((x + centre if is_position(one) and centre is not None else x).to(y.dtype))
        return moved[0] if isinstance(outputs, Tensor) else tuple(moved)


def _need_multiplicative(rep: AbstractRep, group: AbstractGroup[Any]) -> None:
    """Raise unless ρ(gq) = ρ(g)ρ(q) and ρ(qg) = ρ(q)ρ(g) for matrices q off the group too."""
    assert isinstance(group, AbstractMatrixGroup)
    draw = torch.Generator().manual_seed(0)
    g = group.sample(4, draw).cpu()
    q = torch.randn(g.shape, generator=draw, dtype=torch.float64, device="cpu")
    for block in blocks_of(rep):
        at = block.rep.at
        off = max(
            float((at(a @ b) - at(a) @ at(b)).abs().max() / at(a @ b).abs().max().clamp_min(1))
            for a, b in ((g, q), (q, g))
        )
        if off > _SAME:
            wanted, got = (
                "representations that are polynomials of the matrix, V and its products",
                str(block.rep),
            )
            raise _refusal(wanted, got, "write the features as Cartesian tensors, or use wrap.local_frames")


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))


def orbit_symmetrise(
    network: nn.Module,
    group: GroupLike = "O(3)",
    in_type: Declaration = "vectors",
    out_type: Declaration = "invariant",
    *,
    mask: int | None = None,
    hidden: int = 32,
    unit: float = 1.0,
) -> OrbitSymmetrised:
    """`network` made equivariant under SO(n), O(n), SO⁺(p, q) or O(p, q), with translations or without, by a
    pose that is to be trained with `distance` as a loss. Under SO⁺(1, 3) and O(1, 3) the pose is on the group
    from the start (wrap.LorentzPose), and nothing needs to be trained.

    Types as in `mackey.actions`, points on axis 1; outputs for the sample ("invariant", "vector") or for each
    point. mask: the number of the input, bool (b, n), that says which points are there. unit: the size of the
    vectors.
    """
    acts = acting(group)
    reader = CloudReader(_WHERE, acts, types_of(in_type, acts, _WHERE), mask)
    lorentz = isinstance(acts.linear, IndefiniteOrthogonal) and acts.linear.size == 4 and acts.linear.p == 1
    pose = (LorentzPose if lorentz else CloudPose)(reader, hidden=hidden, unit=unit)
    return OrbitSymmetrised(network, pose, reader, types_of(out_type, acts, _WHERE))
