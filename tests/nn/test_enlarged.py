"""Images at the size that a network was made for."""

import flax.linen as nn
import jax
import numpy as np

from deeplearn.nn.enlarged import Enlarged, enlarged

IMAGES = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)


class Seen(nn.Module):
    """Gives what it is called with."""

    def __call__(self, image, train):
        return image, train


def test_the_network_sees_the_images_enlarged_and_whether_it_is_trained():
    image, train = Enlarged(Seen(), 16).apply({}, IMAGES, train=True)
    assert train and image.shape == (2, 16, 16, 3)
    # Bilinear: a pixel that lies within four others is their mean, by distance.
    expected = 0.75 * 0.75 * IMAGES[:, 2, 2] + 0.75 * 0.25 * (IMAGES[:, 2, 3] + IMAGES[:, 3, 2])
    np.testing.assert_allclose(image[:, 5, 5], expected + 0.25 * 0.25 * IMAGES[:, 3, 3], rtol=1e-5)


def test_no_side_leaves_them_as_they_are():
    assert enlarged(IMAGES, 0) is IMAGES
    image, train = Enlarged(Seen()).apply({}, IMAGES)
    assert not train and image is IMAGES
    assert jax.eval_shape(lambda x: enlarged(x, 299), IMAGES).shape == (2, 299, 299, 3)
