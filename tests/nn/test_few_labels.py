"""The draw of a few labels: as many of each class as asked for, always the same ones, others with another seed."""

import flax.linen as nn
import jax
import numpy as np

from deeplearn.nn.few_labels import FewLabels

CLASSES, EACH = 4, 30
POOL = {
    "image": np.arange(CLASSES * EACH, dtype=np.float32)[:, None],
    "label": np.repeat(np.arange(CLASSES, dtype=np.int32), EACH),
    "row": np.arange(CLASSES * EACH, dtype=np.int32),
}


def shuffled(seed):
    order = np.random.default_rng(seed).permutation(CLASSES * EACH)
    return {name: column[order] for name, column in POOL.items()}


def drawn(seed, batch, count):
    few = FewLabels(CLASSES, EACH)
    variables = few.init({"params": jax.random.key(seed)}, POOL, 1)
    return [np.asarray(a) for a in few.apply(variables, batch, count)]


def test_each_class_has_its_number_and_the_labels_belong_to_the_images():
    image, label, weight = drawn(0, shuffled(0), 5)
    np.testing.assert_array_equal(np.bincount(label, minlength=CLASSES), [5] * CLASSES)
    np.testing.assert_array_equal(image[:, 0] // EACH, label)
    assert len(np.unique(image)) == 20 and (weight == 1).all()


def test_the_draw_is_the_same_in_whatever_order_the_pool_comes_and_fewer_are_among_more():
    five, again, two = ({*drawn(0, shuffled(order), n)[0][:, 0]} for order, n in ((0, 5), (1, 5), (2, 2)))
    assert five == again and two < five


def test_another_seed_draws_others():
    assert {*drawn(0, POOL, 5)[0][:, 0]} != {*drawn(1, POOL, 5)[0][:, 0]}


def test_more_than_a_step_looks_at_are_a_sample_that_moves_with_the_order():
    """29 labels of 4 classes are 116 examples, of which a step sees 100."""
    one, other = ({*drawn(0, shuffled(order), 29)[0][:, 0]} for order in (0, 1))
    assert len(one) == len(other) == 100 and one != other
    assert len(one | other) <= 116


def test_of_a_part_of_the_pool_only_what_was_drawn_counts():
    """The part of one device: rows that fill the shape have no weight."""
    half = {name: column[::2] for name, column in shuffled(0).items()}
    image, _, weight = drawn(0, half, 5)
    whole = {*drawn(0, POOL, 5)[0][:, 0]}
    assert len(image) == 20 and 0 < weight.sum() < 20
    assert {*image[weight == 1, 0]} == whole & {*half["image"][:, 0]}


def test_of_a_part_of_the_pool_a_step_sees_its_part_of_the_hundred():
    """29 labels of 4 classes are 116 examples, of which a quarter of the pool gives 25."""
    quarter = {name: column[::4] for name, column in shuffled(0).items()}
    image, _, weight = drawn(0, quarter, 29)
    assert len(image) == 25 and (weight == 1).all()


def test_no_more_are_seen_than_there_are_nor_than_a_hundred():
    few = FewLabels(CLASSES, 3)
    assert [few.seen(count) for count in (1, 3, 5)] == [4, 12, 12]
    assert [FewLabels(CLASSES, EACH).seen(count) for count in (25, 26)] == [100, 100]


class Side(nn.Module):
    def setup(self):
        self.deeper = FewLabels(CLASSES, EACH)

    def __call__(self, batch):
        return self.deeper(batch, 3)


def test_systems_side_by_side_draw_alike():
    here = FewLabels(CLASSES, EACH).init({"params": jax.random.key(7)}, POOL, 3)["drawn"]["rank"]
    there = Side().init({"params": jax.random.key(7)}, POOL)["drawn"]["deeper"]["rank"]
    np.testing.assert_array_equal(here, there)
