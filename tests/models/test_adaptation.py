"""AdaBN: the statistics of every layer are those of the images that are given, as numpy computes them."""

import jax
import numpy as np

from deeplearn.models.adaptation import DomainAdaptation, with_statistics

RNG = np.random.default_rng(0)


def test_layers_are_normalised_by_the_statistics_of_the_images_given():
    model = DomainAdaptation(3, width=2, hidden=4)
    of, image = (RNG.uniform(size=(n, 4, 4, 1)).astype(np.float32) for n in (9, 5))
    variables = model.init(jax.random.key(0), image)
    # What was learned and what was kept from training is not what is at hand by default.
    variables = jax.tree.map(lambda x: x + RNG.uniform(0.1, 0.5, x.shape).astype(np.float32), variables)
    logits, features = model.apply(variables, of, image, method=with_statistics)
    params = variables["params"]["features"]

    def norm(x, name, reference):
        scale = params[name]["BatchNorm_0"]
        axes = tuple(range(reference.ndim - 1))
        x = (x - reference.mean(axes)) / np.sqrt(reference.var(axes) + 1e-5)
        return np.maximum(x * scale["scale"] + scale["bias"], 0)

    def convolved(x, kernel):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return np.einsum("nhwcij,ijco->nhwo", windows, kernel)

    def pooled(x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    for number in range(2):
        name = f"BatchNorm_{number}"
        kernel = np.asarray(params[f"Conv_{number}"]["kernel"])
        of, image = convolved(of, kernel), convolved(image, kernel)
        of, image = pooled(norm(of, name, of)), pooled(norm(image, name, of))
    kernel = np.asarray(params["Dense_0"]["kernel"])
    of, image = of.reshape(9, -1) @ kernel, image.reshape(5, -1) @ kernel
    image = norm(image, "BatchNorm_2", of)
    np.testing.assert_allclose(features, image, rtol=1e-3, atol=1e-4)
    head = variables["params"]["labels"]
    np.testing.assert_allclose(logits, image @ head["kernel"] + head["bias"], rtol=1e-3, atol=1e-4)


def test_a_side_of_one_pixel_is_not_halved():
    model = DomainAdaptation(3, width=2, hidden=4)
    image = np.zeros((2, 1, 1, 3), np.float32)
    logits, _ = model.apply(model.init(jax.random.key(0), image), image)
    assert logits.shape == (2, 3)
