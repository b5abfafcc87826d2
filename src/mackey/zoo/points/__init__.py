"""Published systems on point clouds, molecules and particles."""

from mackey.zoo.points.frame_averaging import Model as frame_averaging

__all__ = ["frame_averaging"]
