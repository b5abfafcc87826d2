"""The integer rule: when a strided window commutes with the symmetries of the grid."""

from mackey.errors import sentence


def nearest_sizes(size: int, kernel: int, stride: int, padding: int) -> list[int]:
    """The sizes at most and at least `size` with (size + 2·padding − kernel) mod stride = 0."""
    smallest = max(kernel - 2 * padding, 1)
    below = size - (size + 2 * padding - kernel) % stride
    return [n for n in (below, below + stride) if n >= smallest] or [smallest]


def strided_sizes(
    where: str, sizes: tuple[int, ...], kernel: int, stride: int, padding: int
) -> tuple[int, ...]:
    """(size + 2·padding − kernel)/stride + 1 on each axis; refuses a remainder, which breaks rotations and
    mirrors.
    """
    reach = [size + 2 * padding - kernel for size in sizes]
    got = f"size {'×'.join(map(str, sizes))}"
    if min(reach) < 0:
        raise ValueError(
            sentence(
                where,
                wanted=f"at least {kernel - 2 * padding} samples along each axis, for kernel {kernel} with "
                f"padding {padding}",
                got=got,
                remedy="use a smaller kernel or more padding",
            )
        )
    if any(r % stride for r in reach):
        good = sorted({n for size in sizes for n in nearest_sizes(size, kernel, stride, padding)})
        raise ValueError(
            sentence(
                where,
                wanted=f"(size + 2·{padding} − {kernel}) mod {stride} = 0 on each axis, or it is "
                "not equivariant",
                got=got,
                remedy=f"the nearest sizes that work are {' and '.join(map(str, good))}",
            )
        )
    return tuple(r // stride + 1 for r in reach)
