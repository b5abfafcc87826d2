"""One file, one published system, made of mackey.nn parts."""

from mackey.zoo import images

__all__ = ["images"]
