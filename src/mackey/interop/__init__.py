"""Weights of other people's libraries in our modules; one file per official project."""

from mackey.interop.golden import Case, from_official, load

__all__ = ["Case", "from_official", "load"]
