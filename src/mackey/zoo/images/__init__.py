"""Published vision systems; each name is the `Model` of the file of that name."""

from mackey.zoo.images.equiadapt import Model as equiadapt
from mackey.zoo.images.etn import Model as etn
from mackey.zoo.images.gcnn import Model as gcnn
from mackey.zoo.images.gcsa import Model as gcsa

__all__ = ["equiadapt", "etn", "gcnn", "gcsa"]
