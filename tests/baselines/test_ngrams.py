"""n-grams against the paper's equations over dictionaries, and compressors against what their files weigh."""

import bz2
import collections
import functools
import lzma

import numpy as np
import pytest

from deeplearn.baselines import ngrams as module
from deeplearn.baselines.ngrams import kneser_ney, ngrams, ngrams_by_token, text_compressors
from deeplearn.errors import UserError

SIZE = 5
RNG = np.random.default_rng(0)


def chain(count):
    """A running text of 4 tokens that often repeats itself; 9 stands at its begin."""
    tokens = [9, 0, 1]
    while len(tokens) < count:
        tokens.append(int(RNG.choice(4)) if RNG.uniform() < 0.3 else (tokens[-1] + tokens[-2]) % 4)
    return np.array(tokens, np.int32)


TRAIN, TEXT = chain(300), np.append(chain(40), [4, 0, 1])  # 4 is not in train


def by_dictionaries(train, order, highest):
    """Chen & Goodman's equations 23 to 26: p(token, the order − 1 tokens before it)."""
    places = range(1, len(train))
    grams = {n: [tuple(train[i - n + 1 : i + 1]) for i in places if i - n + 1 >= 0] for n in range(1, order + 2)}
    if order == 0:
        return lambda token, context: 1 / SIZE
    if highest:
        counts = collections.Counter(grams[order])
    else:
        counts = collections.Counter(longer[1:] for longer in set(grams[order + 1]))
    times = collections.Counter(counts.values())
    n1, n2, n3, n4 = (max(1, times[k]) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    discounts = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    discounts = [0, *(min(max(d, 0.1), k - 0.1) for k, d in enumerate(discounts[1:], 1))]
    lower = by_dictionaries(train, order - 1, highest=False)

    def p(token, context):
        context = context[len(context) - order + 1 :] if order > 1 else ()
        following = {gram[-1]: count for gram, count in counts.items() if gram[:-1] == context}
        if not following:
            return lower(token, context[1:])
        total, count = sum(following.values()), following.get(token, 0)
        spared = sum(discounts[min(3, c)] for c in following.values())
        return (count - discounts[min(3, count)] + spared * lower(token, context[1:])) / total

    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_equations(order):
    p = by_dictionaries(TRAIN.tolist(), order, highest=True)
    text = TEXT.tolist()
    wanted = [p(text[i], tuple(text[max(0, i - order + 1) : i])) for i in range(order - 1 or 1, len(text))]
    found = kneser_ney(TRAIN, TEXT, SIZE, highest=4)[order - 1]
    assert len(found) == len(TEXT) - 1
    np.testing.assert_allclose(found[len(found) - len(wanted) :], wanted, rtol=1e-10)


def test_probabilities_of_all_tokens_sum_to_one():
    context = TEXT[:20]
    each = [[p[-1] for p in kneser_ney(TRAIN, np.append(context, token), SIZE, highest=6)] for token in range(SIZE)]
    np.testing.assert_allclose(np.sum(each, 0), 1)


def test_the_order_is_the_best_one_on_validation():
    validation = chain(200)
    row = ngrams(TRAIN, validation, TEXT, SIZE, characters=50)["n-grams, Kneser–Ney"]()
    bits = [-np.log2(p).mean() for p in kneser_ney(TRAIN, validation, SIZE, module.HIGHEST)]
    assert row.metrics["order"] == 1 + np.argmin(bits) == 3  # the chain's own
    p = kneser_ney(TRAIN, TEXT, SIZE, 3)[2]
    assert row.metrics["bits_per_character"] == pytest.approx(-np.log2(p).sum() / 50)


def test_perplexity_is_two_to_the_bits_of_a_token():
    validation = chain(200)
    rows = {name: row().metrics for name, row in ngrams_by_token((TRAIN, validation, TEXT), SIZE).items()}
    for name, order in (("unigrams", 1), ("n-grams, Kneser–Ney", 3)):
        p = kneser_ney(TRAIN, TEXT, SIZE, order)[-1]
        assert rows[name]["order"] == order and rows[name]["bits_per_token"] == pytest.approx(-np.log2(p).mean())
        assert rows[name]["perplexity"] == pytest.approx(np.exp(-np.log(p).mean()))


def test_a_text_without_tokens_is_told():
    with pytest.raises(UserError, match="n-grams need at least two known tokens in each split"):
        ngrams_by_token((TRAIN, TRAIN[:1], TEXT), SIZE)["unigrams"]()


def test_a_compressor_s_bits_are_those_that_test_adds_to_train():
    train, test = "to be or not to be, that is the question: " * 20, "whether 'tis nöbler, to be, in the mind"
    rows = text_compressors(train, test)
    assert set(rows) == {"xz -9e", "zstd -19"}
    size = functools.partial(lzma.compress, preset=9 | lzma.PRESET_EXTREME)
    found = rows["xz -9e"]().metrics
    added = len(size((train + test).encode())) - len(size(train.encode()))
    assert found["bits_per_character"] == pytest.approx(8 * added / len(test))
    assert found["alone"] == pytest.approx(8 * len(size(test.encode())) / len(test))
    for row in rows.values():  # what test repeats costs less behind train
        assert (
            0 < row().metrics["bits_per_character"] < row().metrics["alone"] < 8 * len(bz2.compress(test.encode()))
        )
