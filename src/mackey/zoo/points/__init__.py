"""Published systems on point clouds, molecules and particles."""

__all__: list[str] = []
