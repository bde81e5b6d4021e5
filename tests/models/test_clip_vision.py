"""CLIP's vision transformer: states and vectors of transformers, and the published count."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.clip_vision import ClipVision, clip_vision_vit_l_14
from deeplearn.weights.clip_folder import open_clip_pictures
from tests.weights.text_encoders import CLOSE, FOLDERS


@functools.cache
def golden():
    with np.load(Path(__file__).parents[1] / "golden" / "clip_pictures.npz") as arrays:
        return open_clip_pictures(FOLDERS / "clip"), dict(arrays)


def test_vectors_and_states_are_those_of_transformers():
    """Theirs are before the last norm, which they have for the class token alone."""
    found, expected = golden()
    apply = jax.jit(functools.partial(found.module.apply, found.variables, method="vectors"))
    np.testing.assert_allclose(apply(expected["images"]), expected["vectors"], atol=CLOSE, rtol=CLOSE)
    norm = found.variables["params"]["encoder"]["norm"]
    hidden = jax.nn.standardize(expected["hidden"], epsilon=found.module.epsilon) * norm["scale"] + norm["bias"]
    states = jax.jit(functools.partial(found.module.apply, found.variables))(expected["images"])
    np.testing.assert_allclose(states, hidden, atol=CLOSE, rtol=CLOSE)


def test_without_a_projection_the_vector_is_the_class_token_s():
    found, expected = golden()
    alone = found.module.clone(projection=0)
    vectors = alone.apply(found.variables, expected["images"], method="vectors")
    projected = vectors @ found.variables["params"]["visual_projection"]["kernel"]
    np.testing.assert_allclose(projected, expected["vectors"], atol=CLOSE, rtol=CLOSE)


def test_a_picture_of_another_side_is_refused():
    with pytest.raises(AssertionError, match="image has shape"):
        jax.eval_shape(ClipVision(8, 4, 8, 1, 2, 8).init, jax.random.key(0), jnp.zeros((1, 8, 4, 3)))


def test_the_published_count():
    """303,179,776 and the projection's 1024 · 768, as the library counts ViT-L/14's."""
    module, image = clip_vision_vit_l_14(), jnp.zeros((1, 224, 224, 3))
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), image, method="vectors"))
    assert sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes)) == 303_179_776 + 1024 * 768
