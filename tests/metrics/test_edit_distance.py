"""Edit distance against all ways to edit, and word error rates by hand."""

import functools
import itertools

from deeplearn.metrics.edit_distance import edit_distance, word_error_rate


@functools.cache
def by_recursion(one, other):
    if not one or not other:
        return len(one) + len(other)
    kept = by_recursion(one[1:], other[1:]) + (one[0] != other[0])
    return min(kept, by_recursion(one[1:], other) + 1, by_recursion(one, other[1:]) + 1)


def test_it_is_the_least_number_of_edits():
    strings = ["".join(letters) for size in range(4) for letters in itertools.product("ab", repeat=size)]
    strings += ["kitten", "sitting", "intention", "execution"]
    for one, other in itertools.product(strings, repeat=2):
        assert edit_distance(one, other) == by_recursion(one, other)
    assert edit_distance("kitten", "sitting") == 3 and edit_distance("intention", "execution") == 5


def test_words_count_by_those_of_the_truth():
    assert word_error_rate(["one two", ""], ["one three two", "four"]) == 2 / 4
    assert word_error_rate(["a b c d"], ["e"]) == 4  # insertions may be more than there are words
    assert word_error_rate(["a"], [""]) == 1 and word_error_rate([""], [""]) == 0
    assert word_error_rate(["  ten  men "], ["ten men"]) == 0
