"""What the heads stand on, and what is copied when the network is unfrozen."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.models.transfer import Transfer, unfreeze

IMAGE = np.random.default_rng(0).random((3, 2, 2, 1)).astype(np.float32)
LABELS = (1, 5)


class Net(nn.Module):
    @nn.compact
    def __call__(self, image, train=False):
        x = nn.Dense(4, use_bias=False)(image.reshape(len(image), -1))
        return nn.relu(nn.BatchNorm(use_running_average=not train)(x))


def everything(model, image):
    for network in (model.source, model.unrelated):
        network(model.prepare(image))
    for network in ("heads", "unrelated_heads", "tuned", "scratch"):
        for count in LABELS:
            model.logits(image, network, count)


def bound(colours=()):
    model = Transfer(Net(), 7, 2, LABELS, 10, colours)
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
    "network, body, head",
    [
        ("heads", ("source", "body"), ("heads_5",)),
        ("unrelated_heads", ("unrelated", "body"), ("unrelated_heads_5",)),
        ("tuned", ("tuned_5", "body"), ("tuned_5", "head")),
        ("scratch", ("scratch_5", "body"), ("scratch_5", "head")),
    ],
)
def test_each_classifier_is_its_head_on_its_network(network, body, head):
    model, variables = bound()
    expected = by_hand(variables, IMAGE, body, head)
    found = model.apply(variables, IMAGE, network, 5, method="logits")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # In training a frozen network goes on by its running statistics, one that learns does not.
    training, _ = model.apply(variables, IMAGE, network, 5, True, method="logits", mutable=["batch_stats"])
    assert (np.abs(training - expected).max() < 1e-4) == network.endswith("heads")


def test_a_library_s_network_sees_three_normalised_colours():
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 4.0])
    model, variables = bound((tuple(mean), tuple(std)))
    found = model.apply(variables, IMAGE, "tuned", 1, method="logits")
    normalised = (np.repeat(IMAGE, 3, -1) - mean) / std
    expected = by_hand(variables, normalised, ("tuned_1", "body"), ("tuned_1", "head"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_unfrozen_networks_are_the_source_with_the_heads_that_were_trained_on_it():
    _, before = bound()
    after = unfreeze(before, LABELS)
    for count in LABELS:
        tuned = after["params"][f"tuned_{count}"]
        assert tuned["body"] is before["params"]["source"]["body"]
        assert tuned["head"] is before["params"][f"heads_{count}"]
        assert after["batch_stats"][f"tuned_{count}"]["body"] is before["batch_stats"]["source"]["body"]
        assert after["params"][f"scratch_{count}"] is before["params"][f"scratch_{count}"]
        # What was given stays as it was.
        assert before["params"][f"tuned_{count}"]["body"] is not before["params"]["source"]["body"]
