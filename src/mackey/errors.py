"""What went wrong, said in one sentence: where, what was wanted, what came instead, what to do."""


def sentence(where: str, *, wanted: str, got: str, remedy: str) -> str:
    """`where: wanted …, got …; remedy`, the shape of every message a user of mackey reads."""
    return f"{where}: wanted {wanted}, got {got}; {remedy}"
