"""Make any network equivariant from outside: frames, canonical forms, averages."""

from mackey.wrap.canonical import Canonicalised
from mackey.wrap.canonicaliser import canonicaliser
from mackey.wrap.image_scorer import ImageScorer

__all__ = ["Canonicalised", "ImageScorer", "canonicaliser"]
