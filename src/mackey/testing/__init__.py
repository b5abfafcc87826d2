"""The battery of checks, for our own layers and for anybody's; assertions and strategies for tests."""

from mackey.testing.assertions import assert_equivariant
from mackey.testing.battery import CHECKS, GRAPH_CHECKS, equivariance_error, relative
from mackey.testing.case import Case

__all__ = ["CHECKS", "GRAPH_CHECKS", "Case", "assert_equivariant", "equivariance_error", "relative"]
