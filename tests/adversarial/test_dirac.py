"""The Dirac-GAN's steps beside closed forms: eigenvalues by hand, orbits of a linear game by powers of a matrix."""

import jax
import numpy as np
import optax
import pytest

from deeplearn.adversarial.dirac import (
    SLOPES,
    DiracGAN,
    both,
    discriminate,
    generate,
    measured_matrix,
    modulus,
    step_matrix,
)

RATE = 0.2
STARTS = ((1e-3, 2e-3), (1.0, -0.5))


@pytest.mark.parametrize("game", SLOPES)
@pytest.mark.parametrize("r1", [0.0, 0.5, 3.0])
def test_eigenvalues_are_those_of_the_closed_form(game, r1):
    """Simultaneous: 1 − hγ/2 ± h √(γ²/4 − c²). Alternating: roots of λ² − (2 − h²c² − hγ) λ + 1 − hγ."""
    c = SLOPES[game]
    root = np.sqrt(complex(r1**2 / 4 - c**2))
    expected = [1 - RATE * r1 / 2 + sign * RATE * root for sign in (1, -1)]
    found = np.linalg.eigvals(step_matrix(game, RATE, r1, alternating=False))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), rtol=1e-12)
    found = np.linalg.eigvals(step_matrix(game, RATE, r1, alternating=True))
    expected = np.roots([1, -(2 - (RATE * c) ** 2 - RATE * r1), 1 - RATE * r1])
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), rtol=1e-9)


def test_without_a_penalty_simultaneous_steps_lead_away_and_alternating_ones_around():
    for game, c in SLOPES.items():
        assert modulus(step_matrix(game, RATE, 0.0, False)) == pytest.approx(np.sqrt(1 + (RATE * c) ** 2))
        assert modulus(step_matrix(game, RATE, 0.0, True)) == pytest.approx(1)
        assert modulus(step_matrix(game, RATE, 0.5, True)) == pytest.approx(np.sqrt(1 - RATE * 0.5))


def orbit_of(game, r1, alternating, steps=4):
    """(θ, ψ) of both games before each step [steps, 2, 2], by gradient descent on the losses of the page."""
    model = DiracGAN(STARTS, game, r1)
    batch = {"step": np.int32(0)}

    def losses(model, batch):
        return both(model, batch, steps=steps)

    initial = model.init(jax.random.key(0), batch, method=losses)
    params, history = initial["params"], initial["history"]
    chain = optax.sgd(RATE)

    def descend(params, loss, trained, **options):
        def value(part):
            variables = {"params": {**params, **part}, "history": history}
            return model.apply(variables, batch, method=lambda m, b: loss(m, b, **options)[0], mutable=["history"])[
                0
            ]

        part = {name: params[name] for name in trained}
        updates, _ = chain.update(jax.grad(value)(part), chain.init(part))
        return {**params, **optax.apply_updates(part, updates)}

    visited = []
    for _ in range(steps):
        visited.append(np.stack([params[name]["value"] for name in ("generator", "discriminator")], -1))
        if alternating:
            params = descend(params, discriminate, ["discriminator"], steps=steps)
            params = descend(params, generate, ["generator"])
        else:
            params = descend(params, both, ["discriminator", "generator"], steps=steps)
    return np.array(visited)


@pytest.mark.parametrize(("alternating", "r1"), [(False, 0.0), (True, 0.5)])
def test_orbits_of_the_losses_are_powers_of_the_matrix(alternating, r1):
    """Everywhere in the Wasserstein game, which is linear; near the equilibrium in the non-saturating one."""
    for game, starts in (("wasserstein", (0, 1)), ("non_saturating", (0,))):
        matrix, found = step_matrix(game, RATE, r1, alternating), orbit_of(game, r1, alternating)
        for start in starts:
            expected = [np.linalg.matrix_power(matrix, step) @ STARTS[start] for step in range(len(found))]
            np.testing.assert_allclose(found[:, start], expected, rtol=2e-3, atol=1e-6)
            np.testing.assert_allclose(measured_matrix(found[:, start]), matrix, atol=2e-3)


@pytest.mark.parametrize("r1", [0.0, 1.0, 3.0])
def test_a_matrix_is_measured_along_its_orbit_even_where_eigenvectors_coincide(r1):
    matrix = step_matrix("non_saturating", RATE, r1, alternating=False)  # of γ = 1 they do
    orbit = np.array([np.linalg.matrix_power(matrix, step) @ [1e-3, 1e-3] for step in range(200)])
    np.testing.assert_allclose(measured_matrix(orbit), matrix, atol=1e-8)
