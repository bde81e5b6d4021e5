"""Vectors of pictures come from the network alone, which sees colours as it was trained on them."""

import jax
import numpy as np
import pytest

from deeplearn.models.embedder import Embedder
from deeplearn.models.zoo import backbone

IMAGE = np.random.default_rng(0).random((3, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def embedder():
    model = Embedder(backbone("resnet8", 2, 2), 5, ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), blue_first=True)
    return model, model.init(jax.random.key(0), IMAGE)


def test_vectors_are_the_network_s_of_the_colours_it_knows(embedder):
    model, variables = embedder
    found = model.apply(variables, IMAGE, method=Embedder.features)
    body = {kind: tree["body"] for kind, tree in variables.items()}
    seen = (IMAGE - np.float32([0.1, 0.2, 0.3])) / np.float32([0.5, 0.6, 0.7])
    np.testing.assert_allclose(found, model.net.apply(body, seen), rtol=1e-5)
    assert found.shape == (3, 4)


def test_logits_are_linear_in_the_vectors(embedder):
    model, variables = embedder
    head = variables["params"]["head"]
    found = model.apply(variables, IMAGE, method=Embedder.features)
    np.testing.assert_allclose(model.apply(variables, IMAGE), found @ head["kernel"] + head["bias"], rtol=1e-5)
