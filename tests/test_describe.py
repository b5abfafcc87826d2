"""What `mackey explain` says of groups, representations and the maps between them."""

import pytest

import mackey as mk


def test_no_linear_map_and_the_product_that_reaches_it() -> None:
    text = str(mk.describe("SO(3): 2x0e+1x1o -> 1x2e"))
    assert "dim Hom = 0 (5×5 matrices)" in text
    assert "No equivariant linear map but zero" in text
    assert "1 ⊗ 1 → 2: 1" in text


def test_dimension_and_basis() -> None:
    text = str(mk.describe("O(3): 2x1o + 2x0e → 1x0e + 1x1o"))
    assert "dim Hom = 4 (4×8 matrices)" in text and text.count(" =\n[[") == 4
    assert "0e → 0e: 1 for each of 2×1 channels" in text


def test_large_maps_are_written_by_entries() -> None:
    text = str(mk.describe("S5: V⊗V -> V⊗V"))
    assert "dim Hom = 15 (25×25 matrices)" in text
    assert "(0, 0) 0.4472, (6, 6) 0.4472" in text and "… and 9 more" in text and "… 60 entries" in text


def test_many_channels_are_counted_not_written() -> None:
    text = str(mk.describe("O(3): 64x0e + 64x1o -> 64x0e + 64x1o"))
    assert "dim Hom = 8192 (256×256 matrices)" in text and "1o → 1o: 1 for each of 64×64 channels" in text
    assert "Too many to write out" in text
    assert "invariant vectors: 100000" in str(mk.describe("O(3): 100000x0e + 100000x1o"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SO(3)", ("SO(3): compact, not finite, unimodular", "Lie algebra of dimension 3")),
        ("Aff(2)", ("not compact, not finite, not unimodular", "3×3 matrices that move R^2")),
        ("D4", ("compact, finite", "order 8, 5 conjugacy classes, acts on R^2")),
        (
            "O(3): 16x0e + 8x1o",
            ("dimension 40, orthogonal", "invariant vectors: 16", "8 × 1o, dimension 3 each"),
        ),
        ("SL(2): V", ("neither orthogonal nor a permutation",)),
    ],
)
def test_groups_and_representations(text: str, said: tuple[str, ...]) -> None:
    found = str(mk.describe(text))
    assert all(part in found for part in said), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SO(3): V -> ", "2 sides, or an empty one"),
        ("SO(3): V -> V -> V", "3 sides, or an empty one"),
        ("SO(3: V", "did you mean"),
        ("SO(3): 2x3q", "names of SO\\(3\\)"),
        ("O(3): 1x1", "irrep of O\\(3\\): wanted"),
    ],
)
def test_what_cannot_be_described(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mk.describe(text)
