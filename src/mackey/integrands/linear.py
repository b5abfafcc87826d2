"""ω(F, g′) = κ(g′) F(g′): the linear integrand with a steerable kernel. Convolution, lifting and pointwise
maps.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.abstract import AbstractIntegrand, Window
from mackey.integrands.steerable import KernelBasis, kernel_basis, kernel_count
from mackey.reps import intertwiner_count, intertwiners
from mackey.spaces import Grid, Pose, strided_sizes


class _FilterCache:
    """The expanded filter of the last evaluation, forgotten whenever the weights change, on copy and on
    pickle.

    Only for a plain parameter: what vmap, functional_call or a fake mode put in its place has no address, and
    an inference tensor no version.
    """

    def __init__(self) -> None:
        self._seen: Tensor | None = None
        self._identity: tuple[int, int] | None = None
        self._filter: Tensor | None = None

    @staticmethod
    def serves(weight: Tensor) -> bool:
        return type(weight) is nn.Parameter and not weight.is_inference()

    def get(self, weight: Tensor) -> Tensor | None:
        fresh = self._filter is not None and self._identity == (weight.data_ptr(), weight._version)
        if fresh and weight.device.type == "cpu":  # writes through .data leave the version unchanged
            fresh = torch.equal(weight, self._seen)  # type: ignore[arg-type]
        return self._filter if fresh else None

    def put(self, weight: Tensor, expanded: Tensor) -> None:
        self._identity = (weight.data_ptr(), weight._version)
        self._seen = weight.detach().clone() if weight.device.type == "cpu" else None
        self._filter = expanded.detach()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _FilterCache, ()


class Linear(AbstractIntegrand):
    """ω(F, g′) = κ(g′) F(g′) with κ(hg′) = σ(h) κ(g′) ρ(h)⁻¹, plus an H-invariant bias.

    Equivariant: exact where H maps the lattice to itself, exact_on_grid otherwise; strides obey
    (size + 2·padding − kernel) mod stride = 0. On sets and sequences only kernel_size 1.
    """

    _index: Tensor
    _constant: Tensor
    _invariants: Tensor

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__(in_type, out_type)
        self.kernel_size, self.stride = kernel_size, stride
        self.padding = max(kernel_size - 1, 0) // 2 if padding is None else padding
        self._check()
        self.support = Window(kernel_size)
        self.basis = self._basis()
        fan_in = in_type.multiplicity * self.basis.energy / out_type.rep.dim
        shape = (self.basis.count, out_type.multiplicity, in_type.multiplicity)
        self.weight = nn.Parameter(torch.randn(shape) * math.sqrt(gain / max(fan_in, 1e-12)))
        invariants = len(out_type.rep.invariants) if bias else 0
        self.bias = nn.Parameter(torch.zeros(out_type.multiplicity, invariants)) if invariants else None
        self._hold_basis()
        self.hold("_invariants", out_type.rep.invariants)
        self._cache = _FilterCache()

    def _check(self) -> None:
        kernel_size, stride, domain = self.kernel_size, self.stride, self.in_type.domain
        if self.in_type.domain != self.out_type.domain:
            raise ValueError(
                sentence(
                    "Linear",
                    wanted=f"both fields on {self.in_type.domain}",
                    got=f"{self.out_type} as output",
                    remedy="use one domain (and group) for both",
                )
            )
        if kernel_size < 1 or stride < 1 or self.padding < 0:
            raise ValueError(
                sentence(
                    "Linear",
                    wanted="kernel_size ≥ 1, stride ≥ 1 and padding ≥ 0",
                    got=f"{kernel_size}, {stride} and {self.padding}",
                    remedy="give positive integers",
                )
            )
        if kernel_size * stride + self.padding > 1 and not isinstance(domain, Grid):
            raise ValueError(
                sentence(
                    "Linear",
                    wanted=f"kernel_size 1, stride 1 and padding 0 on {domain}",
                    got=f"{kernel_size}, {stride} and {self.padding}",
                    remedy="use a Grid for convolutions",
                )
            )
        wraps = isinstance(domain, Grid) and domain.periodic
        if wraps and (stride > 1 or kernel_size != 2 * self.padding + 1):
            raise ValueError(
                sentence(
                    "Linear",
                    wanted="stride 1 and an odd kernel on a periodic grid, with padding (kernel_size − 1)/2",
                    got=f"stride {stride}, kernel {kernel_size}, padding {self.padding}",
                    remedy="the torus must map to itself; use a grid that is not periodic",
                )
            )

    def _basis(self) -> KernelBasis:
        domain = self.in_type.domain
        if isinstance(domain, Grid):
            return kernel_basis(domain, self.kernel_size, self.in_type.table, self.out_type.table)
        maps = intertwiners(self.in_type.rep, self.out_type.rep)
        return KernelBasis(len(maps), float(len(maps)), np.zeros((1, 1)), sampled=maps[..., None])

    @property
    def theory_count(self) -> int:
        """The number of weights that theory predicts (characters, fixed taps), the bias included.

        Off the lattice the band limit sets the number, and theory has no say: the basis counts.
        """
        kernels = intertwiner_count(self.in_type.rep, self.out_type.rep)
        if self.kernel_size > 1:
            domain = self.in_type.domain
            exact = isinstance(domain, Grid) and domain.group.is_exact
            types = self.in_type.table, self.out_type.table
            kernels = kernel_count(self.basis.points, *types) if exact else self.basis.count
        fields = self.in_type.multiplicity * self.out_type.multiplicity
        return kernels * fields + (0 if self.bias is None else self.bias.numel())

    def _hold_basis(self) -> None:
        index = self.basis.owner if self.basis.owner is not None else self.basis.index
        constant = self.basis.blocks if self.basis.blocks is not None else self.basis.sampled
        if index is not None:
            self.hold("_index", index.reshape(-1))
        if constant is not None:
            self.hold("_constant", constant)

    def filter(self) -> Float[Tensor, "rows columns *k"]:
        """The filter of the equal plain convolution: (c_out·d_σ, c_in·d_ρ, k, …)."""
        tracing = torch.is_grad_enabled() or torch.compiler.is_compiling()
        if self.training or tracing or not self._cache.serves(self.weight):
            return self._expand()
        expanded = self._cache.get(self.weight)
        if expanded is None:
            expanded = self._expand()
            self._cache.put(self.weight, expanded)
        return expanded

    def _expand(self) -> Tensor:
        _, c_out, c_in = self.weight.shape
        d_out, d_in, taps = self.out_type.rep.dim, self.in_type.rep.dim, len(self.basis.points)
        rows = self.weight.flatten(1)
        if self.basis.owner is not None:
            full = rows.index_select(0, self._index).view(d_out, d_in, taps, c_out, c_in)
            full = full.permute(3, 0, 4, 1, 2)
        elif self.basis.blocks is not None:
            chosen = rows.index_select(0, self._index).view(taps, -1, c_out * c_in)
            full = torch.bmm(self._constant.flatten(2).transpose(1, 2), chosen)
            full = full.view(taps, d_out, d_in, c_out, c_in).permute(3, 1, 4, 2, 0)
        else:
            full = self._constant.flatten(1).T @ rows
            full = full.view(d_out, d_in, taps, c_out, c_in).permute(3, 0, 4, 1, 2)
        return full.reshape(c_out * d_out, c_in * d_in, *self._kernel_shape())

    def _kernel_shape(self) -> tuple[int, ...]:
        domain = self.in_type.domain
        return (self.kernel_size,) * domain.dimension if isinstance(domain, Grid) else ()

    def offset(self) -> Tensor | None:
        return None if self.bias is None else self.bias @ self._invariants

    def expanded_bias(self) -> Float[Tensor, " rows"] | None:
        """The bias of the equal plain convolution, (c_out·d_σ)."""
        return None if self.bias is None else (self.bias @ self._invariants).flatten()

    def message(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """κ(g′) F(g′), from the definition: κ(x) = Σ_b w_b B_b(x)."""
        points = torch.as_tensor(self.basis.points).to(pose.displacement)
        if not isinstance(self.in_type.domain, Grid):
            points = torch.zeros_like(pose.displacement[:1])
        hits = (pose.displacement[:, None] - points).abs().amax(-1) < 1e-6
        dense = torch.as_tensor(self.basis.dense).to(there)
        kernel = torch.einsum("noip,mp,nCc->mCoci", dense, hits.to(there), self.weight)
        return torch.einsum("mCoci,bmci->bmCo", kernel, there)

    def output_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """(size + 2·padding − kernel)/stride + 1; refuses a remainder, which would break the symmetry."""
        domain = self.in_type.domain
        if not isinstance(domain, Grid):
            return sizes
        if domain.periodic and min(sizes) < self.kernel_size:
            raise ValueError(
                sentence(
                    "Linear",
                    wanted=f"at least {self.kernel_size} samples along each axis of a periodic grid",
                    got="×".join(map(str, sizes)),
                    remedy="a larger kernel would see a sample twice; use a smaller one",
                )
            )
        return strided_sizes(
            f"{self.in_type} → {self.out_type}", sizes, self.kernel_size, self.stride, self.padding
        )

    def extra_repr(self) -> str:
        return f"{self.in_type} → {self.out_type}, kernel {self.kernel_size}, stride {self.stride}"
