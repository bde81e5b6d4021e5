"""What the heads stand on, and what is copied when the network is unfrozen."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.models.transfer import FewLabelLearners, Transfer, unfrozen

IMAGE = np.random.default_rng(0).random((3, 2, 2, 1)).astype(np.float32)
LABELS = (1, 5)


class Net(nn.Module):
    @nn.compact
    def __call__(self, image, train=False):
        x = nn.Dense(4, use_bias=False)(image.reshape(len(image), -1))
        return nn.relu(nn.BatchNorm(use_running_average=not train)(x))


def everything(model, image):
    model.source(model.prepare(image))
    for count in LABELS:
        model.logits(image, count), model.frozen_logits(image, count)


def bound(colours=()):
    model = Transfer(Net(), 2, LABELS, 10, colours, source_classes=7)
    variables = model.init(jax.random.key(0), IMAGE, method=everything)
    rng = np.random.default_rng(1)
    return model, jax.tree.map(lambda x: x + 0.3 * rng.random(x.shape), variables)


def by_hand(variables, image, body, head):
    """Logits with the running statistics of the network `body`."""

    def at(tree, path):
        return tree if not path else at(tree[path[0]], path[1:])

    params, stats = at(variables["params"], body), at(variables["batch_stats"], body)["BatchNorm_0"]
    x = image.reshape(len(image), -1) @ params["Dense_0"]["kernel"]
    x = (x - stats["mean"]) / np.sqrt(stats["var"] + 1e-5) * params["BatchNorm_0"]["scale"]
    head = at(variables["params"], head)
    return np.maximum(x + params["BatchNorm_0"]["bias"], 0) @ head["kernel"] + head["bias"]


@pytest.mark.parametrize(
    "logits, body, head",
    [
        (Transfer.frozen_logits, ("source", "body"), ("heads_5",)),
        (Transfer.logits, ("learners_5", "body"), ("learners_5", "head")),
    ],
)
def test_each_classifier_is_its_head_on_its_network(logits, body, head):
    model, variables = bound()
    expected = by_hand(variables, IMAGE, body, head)
    found = model.apply(variables, IMAGE, 5, method=logits)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # In training a frozen network uses its running statistics, one that learns does not.
    training, _ = model.apply(variables, IMAGE, 5, True, method=logits, mutable=["batch_stats"])
    assert (np.abs(training - expected).max() < 1e-4) == (logits is Transfer.frozen_logits)


def test_a_library_s_network_sees_three_normalised_colours():
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 4.0])
    model, variables = bound((tuple(mean), tuple(std)))
    found = model.apply(variables, IMAGE, 1, method=Transfer.logits)
    normalised = (np.repeat(IMAGE, 3, -1) - mean) / std
    expected = by_hand(variables, normalised, ("learners_1", "body"), ("learners_1", "head"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_twin_from_scratch_has_the_networks_of_the_learners_alone():
    model, variables = bound()
    twin = FewLabelLearners(Net(), 2, LABELS, 10)
    own = {name: {k: tree[k] for k in tree if k.startswith("learners")} for name, tree in variables.items()}
    for count in LABELS:
        expected = model.apply(variables, IMAGE, count, method=Transfer.logits)
        np.testing.assert_array_equal(twin.apply(own, IMAGE, count, method=FewLabelLearners.logits), expected)


def test_unfrozen_networks_are_the_source_with_the_heads_that_were_trained_on_it():
    _, before = bound()
    after = unfrozen(before)
    for count in LABELS:
        tuned = after["params"][f"learners_{count}"]
        assert tuned["body"] is before["params"]["source"]["body"]
        assert tuned["head"] is before["params"][f"heads_{count}"]
        assert after["batch_stats"][f"learners_{count}"]["body"] is before["batch_stats"]["source"]["body"]
        # What was given stays as it was.
        assert before["params"][f"learners_{count}"]["body"] is not before["params"]["source"]["body"]
