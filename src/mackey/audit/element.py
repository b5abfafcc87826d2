"""One element of the audited group, by what it does."""

from dataclasses import dataclass
from typing import Any

from mackey.actions import Motion


@dataclass(frozen=True, eq=False)
class Element:
    """aspect: rotation | reflection | translation | large translation | boost | scaling | linear map |
    permutation | product.
    """

    label: str
    aspect: str
    motion: Motion

    def within(self, group: Any) -> Any | None:
        """The element of `group` that does the same; None if there is none."""
        return self.motion.within(group)
