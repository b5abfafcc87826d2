"""The battery of checks, for our own layers and for anybody's."""

from mackey.testing.battery import CHECKS, GRAPH_CHECKS, equivariance_error, relative
from mackey.testing.case import Case

__all__ = ["CHECKS", "GRAPH_CHECKS", "Case", "equivariance_error", "relative"]
