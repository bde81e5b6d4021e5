"""Pictures from what they look like small: nothing else of them is seen."""

import jax
import numpy as np

from deeplearn.models.diffusion import Diffusion
from deeplearn.models.imagen import enlarge
from deeplearn.models.super_resolution import details, regressed, told
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.nn.functional import area_means

generator = np.random.default_rng(0)


def test_one_call_starts_at_cubic_interpolation_and_neither_sees_more_than_the_small_picture():
    model = Diffusion(TextUNet((Level(8),)), 0.0, 0.25)
    image = generator.uniform(size=(2, 8, 8, 3)).astype(np.float32)
    other = np.asarray(area_means(image, 4)).repeat(2, 1).repeat(2, 2)  # looks the same at 4 pixels

    def guess(model, image):
        return regressed(model, image, small=4), told(model, image, 0.1, small=4)

    key = jax.random.key(0)
    (made, seen), variables = jax.jit(lambda x: model.init_with_output({"params": key}, x, method=guess))(image)
    np.testing.assert_allclose(made, enlarge(area_means(image, 4), 8), atol=1e-5)
    np.testing.assert_allclose(made + details(image, 4), image, atol=1e-5)
    again, seen_again = jax.jit(lambda v, x: model.apply(v, x, method=guess, rngs={"params": key}))(
        variables, other
    )
    np.testing.assert_allclose(again, made, atol=1e-5)
    np.testing.assert_allclose(seen_again[3], seen[3], atol=1e-4)
