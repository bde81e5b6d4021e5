"""Losses refuse arrays that do not fit, by the name of the argument."""

import re

import jax
import jax.numpy as jnp
import pytest

from deeplearn.losses.adversarial import gradient_penalty
from deeplearn.losses.bernoulli_code import bernoulli_kl, leave_one_out_surrogate
from deeplearn.losses.classification import cross_entropy, soft_cross_entropy
from deeplearn.losses.contractive import exact_penalty, hutchinson_penalty, sigmoid_layer_penalty
from deeplearn.losses.contrastive_divergence import free_energy_gap, persistent_contrastive_divergence
from deeplearn.losses.diffusion import denoised_and_noise, denoising_loss
from deeplearn.losses.discretised_logistic import (
    discretised_logistic_log_likelihood,
    discretised_logistic_probabilities,
)
from deeplearn.losses.elbo import bernoulli_log_likelihood, gaussian_kl, gaussian_log_density, sample_gaussian
from deeplearn.losses.likelihoods import Bernoulli, Gaussian, Logistic
from deeplearn.losses.sparsity import sparsity_penalty
from deeplearn.losses.up_down import up_down

KEY = jax.random.key(0)


def floats(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def integers(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def logistic(*arguments):
    return discretised_logistic_log_likelihood(*arguments, 5)


@pytest.mark.parametrize(
    ("loss", "arguments", "says"),
    [
        (
            cross_entropy,
            (floats(8, 3), integers(8, 1)),
            "label has shape (8, 1), not [batch=8], beside logits (8, 3)",
        ),
        (cross_entropy, (floats(2, 8, 3), integers(2, 8)), "logits has shape (2, 8, 3), not [batch, classes]"),
        (cross_entropy, (floats(8, 3), floats(8)), "label is of type float32, not of integers"),
        (soft_cross_entropy, (floats(8, 3), floats(8, 4)), "target has shape (8, 4), not [batch=8, classes=3]"),
        (
            lambda real, fake: gradient_penalty(lambda x: x.sum((1, 2, 3)), real, fake, KEY),
            (floats(8, 4, 4, 1), floats(8, 4, 4, 3)),
            "fake has shape (8, 4, 4, 3), not [batch=8, *example=(4, 4, 1)], beside real (8, 4, 4, 1)",
        ),
        (
            lambda real, fake: gradient_penalty(lambda x: x.sum(), real, fake, KEY),
            (floats(8, 2), floats(8, 2)),
            "critic's output has shape (), not [8]",
        ),
        (
            bernoulli_kl,
            (floats(8, 3), floats(4)),
            "logits has shape (8, 3), which does not broadcast with prior_logits",
        ),
        (
            leave_one_out_surrogate,
            (floats(8, 2), floats(8)),
            "log_probabilities has shape (8,), not [batch=8, draws=2], beside values (8, 2)",
        ),
        (sigmoid_layer_penalty, (floats(8, 3), floats(3, 5)), "kernel has shape (3, 5), not [inputs, hidden=3]"),
        (lambda x: exact_penalty(jnp.tanh, x), (floats(8, 2, 2),), "x has shape (8, 2, 2), not [batch, inputs]"),
        (
            lambda x: hutchinson_penalty(lambda x: x.sum(0), x, KEY),
            (floats(8, 2),),
            "encoder's output has shape (2,), not [batch=8, hidden], beside x (8, 2)",
        ),
        (
            lambda v, sample: free_energy_gap(None, v, sample),
            (floats(8, 4), floats(6, 5)),
            "sample has shape (6, 5), not [samples, visible=4], beside v (8, 4)",
        ),
        (
            lambda v, chains: persistent_contrastive_divergence(None, v, chains, KEY, 1),
            (floats(8, 4), floats(5)),
            "chains has shape (5,), not [chains, hidden]",
        ),
        (lambda v: up_down(None, v, KEY, 1), (floats(8, 2, 2),), "v has shape (8, 2, 2), not [batch, visible]"),
        (
            lambda x: denoising_loss(lambda x, ratio: x[..., :1], x, KEY, "cosine", "v"),
            (floats(8, 4, 4, 3),),
            "network's output has shape (8, 4, 4, 1), not [*shape=(8, 4, 4, 3)], beside x (8, 4, 4, 3)",
        ),
        (
            lambda *arguments: denoised_and_noise(*arguments, "v"),
            (floats(8, 4), floats(8, 4), floats()),
            "ratio has shape (), not [batch=8], beside output (8, 4), noised (8, 4)",
        ),
        (
            logistic,
            (floats(8, 4), floats(8, 4, 3), floats(8, 4, 3), floats(8, 4, 2)),
            "log_scales has shape (8, 4, 2), not [*lead=(8,), pixels=4, components=3]",
        ),
        (
            logistic,
            (floats(8, 5), *(floats(8, 4, 3),) * 3),
            "logits of one component has shape (8, 4), which does not broadcast with x (8, 5)",
        ),
        (
            lambda *arguments: discretised_logistic_probabilities(*arguments, 5),
            (floats(8, 4, 3), floats(8, 3), floats(8, 4, 3)),
            "means has shape (8, 3), not [*lead=(8,), pixels=4, components=3]",
        ),
        (
            lambda mean, log_variance: sample_gaussian(KEY, mean, log_variance),
            (floats(8, 4), floats(4)),
            "log_variance has shape (4,), not [*shape=(8, 4)], beside mean (8, 4)",
        ),
        (gaussian_kl, (floats(8, 4), floats(8, 1)), "log_variance has shape (8, 1), not [*lead=(8,), latents=4]"),
        (
            gaussian_log_density,
            (floats(8, 4), floats(8, 3), floats()),
            "mean has shape (8, 3), which does not broadcast with x (8, 4), log_variance ()",
        ),
        (bernoulli_log_likelihood, (floats(8, 4), floats(8, 1)), "x has shape (8, 1), not [..., D=4]"),
        (Bernoulli().log_likelihood, (floats(8, 4), floats(8, 3)), "outputs has shape (8, 4), not [..., 3]"),
        (Gaussian(17).log_likelihood, (floats(8, 4), floats(8, 4)), "outputs has shape (8, 4), not [..., 8]"),
        (Logistic(17, 2).log_likelihood, (floats(8, 23), floats(8, 4)), "outputs has shape (8, 23), not [..., 24]"),
        (lambda h: sparsity_penalty(h, 0.1), (floats(4),), "h has shape (4,), not [batch, hidden]"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(loss, arguments, says):
    with pytest.raises(AssertionError, match=re.escape(says)):
        jax.eval_shape(loss, *arguments)


def test_a_baseline_of_other_draws_needs_two():
    with pytest.raises(ValueError, match=r"values has shape \(8, 1\): a baseline needs at least 2 draws"):
        jax.eval_shape(leave_one_out_surrogate, floats(8, 1), floats(8, 1))
