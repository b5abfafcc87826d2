"""Make any network equivariant from outside: frames, canonical forms, averages."""

from mackey.wrap.canonical import Canonicalised
from mackey.wrap.canonicaliser import canonicaliser
from mackey.wrap.frame_averaging import FrameAveraged, frames
from mackey.wrap.image_scorer import ImageScorer
from mackey.wrap.pca_frames import pca_frames
from mackey.wrap.sorted_frames import SortedFrames, sorted_frames

__all__ = [
    "Canonicalised",
    "FrameAveraged",
    "ImageScorer",
    "SortedFrames",
    "canonicaliser",
    "frames",
    "pca_frames",
    "sorted_frames",
]
