"""Types of features by irreps of O(3)."""

from hypothesis import strategies as st

from mackey.testing.strategies.numbers import bounds


def types(highest: int = 2, *, channels: int = 3, terms: int = 3) -> st.SearchStrategy[str]:
    """ "2x0e + 1x1o" and the like, as `mackey.audit` and `reps.parse` read them.

    highest: degree; channels: of a term, at most; terms: at most. Shrinks to "1x0e".
    """
    bounds("strategies.types highest", highest, 0)
    bounds("strategies.types channels", channels, 1)
    bounds("strategies.types terms", terms, 1)
    one = st.builds(
        "{}x{}{}".format, st.integers(1, channels), st.integers(0, highest), st.sampled_from(("e", "o"))
    )
    return st.lists(one, min_size=1, max_size=terms).map(" + ".join)
