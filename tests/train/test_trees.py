"""Parts of nested dictionaries by path."""

import pytest

from deeplearn.train.trees import at, joined, part, path_of, unit_of, units

TREE = {"net": {"kernel": 1}, "wgan": {"critic": {"kernel": 2}, "generator": {"kernel": 3}}, "scale": 4}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([()], TREE),
        ([("net",)], {"net": {"kernel": 1}}),
        ([("wgan", "critic"), ("scale",)], {"wgan": {"critic": {"kernel": 2}}, "scale": 4}),
        ([("wgan", "critic"), ("wgan", "generator")], {"wgan": TREE["wgan"]}),
        ([("nothing",), ("net", "bias")], {}),
        ([], {}),
    ],
)
def test_a_part_is_what_lies_under_the_paths(paths, expected):
    assert part(TREE, paths) == expected
    assert joined(TREE, part(TREE, paths)) == TREE


def test_joining_changes_neither():
    changed = joined(TREE, {"wgan": {"critic": {"kernel": 20}}, "new": 5})
    assert changed["wgan"] == {"critic": {"kernel": 20}, "generator": {"kernel": 3}} and changed["new"] == 5
    assert TREE["wgan"]["critic"]["kernel"] == 2 and "new" not in TREE


def test_units_are_disjoint_and_in_the_tree_s_order():
    assert units(TREE, [("scale",), ("net",)]) == (("net",), ("scale",))
    assert units(TREE, [("wgan",), ("wgan", "critic")]) == (("wgan", "critic"), ("wgan", "generator"))
    assert units(TREE, [()]) == ((),)
    assert units(TREE, [(), ("net",)]) == (("net",), ("wgan",), ("scale",))


def test_a_leaf_lies_in_one_unit():
    known = (("net",), ("wgan", "critic"))
    assert unit_of(("net", "kernel"), known) == ("net",)
    assert unit_of(("wgan", "critic", "kernel"), known) == ("wgan", "critic")
    assert unit_of(("wgan", "pool"), known) == ("wgan", "pool")
    assert unit_of(("other", "a", "b"), known) == ("other",)
    assert unit_of(("any", "leaf"), ((),)) == ()


def test_names_are_paths():
    assert path_of("wgan/critic") == ("wgan", "critic") and path_of("") == ()
    assert at(TREE, ("wgan", "critic", "kernel")) == 2 and at(TREE, ("net", "bias")) == {}
