"""Make any network equivariant from outside: frames, canonical forms, averages."""

__all__: list[str] = []
