"""The recogniser: lengths go along, padding does not matter, the rival's size."""

import jax
import numpy as np
import pytest

from deeplearn.models.speech import SpeechRecogniser, forward_width, normalised

RNG = np.random.default_rng(0)
SOUND = RNG.normal(size=(3, 21, 10)).astype(np.float32)
LENGTHS = np.array([21, 8, 1], np.int32)


def count(model):
    shapes = jax.eval_shape(model.init, jax.random.key(0), SOUND, LENGTHS)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("windows", [((3, 3), (3, 3)), ((4, 5), (2, 1))])
def test_padding_does_not_matter_and_lengths_go_along(windows):
    model = SpeechRecogniser(5, (2, 3), windows, features=4)
    variables = jax.tree.map(
        lambda x: 0.3 * RNG.normal(size=x.shape).astype(np.float32),  # biases too
        jax.jit(model.init)(jax.random.key(0), SOUND, LENGTHS),
    )
    apply = jax.jit(model.apply)
    logits, steps = apply(variables, SOUND, LENGTHS)
    assert logits.shape == (3, 6, 5) and steps.tolist() == [6, 2, 1]  # a quarter, each half rounded up
    # Whatever stands beyond the end, and however much of it, even where that changes a width's parity.
    wider = np.concatenate([SOUND, np.full((3, 2, 10), 1e3, np.float32)], 1)
    for row in (1, 2):
        wider[row, LENGTHS[row] :] = -1e3
    others, _ = apply(variables, wider, LENGTHS)
    for row, length in enumerate(steps.tolist()):
        np.testing.assert_allclose(others[row, :length], logits[row, :length], atol=1e-5)
    alone, _ = apply(variables, SOUND[1:2, :8], LENGTHS[1:2])
    np.testing.assert_allclose(alone[0], logits[1, :2], atol=1e-5)
    assert np.abs(logits[1, 0] - logits[1, 1]).max() > 0.01


def test_the_first_step_hears_what_follows_only_in_both_directions():
    """The gradient of the first step's outputs in the last frames."""
    for both in (True, False):
        model = SpeechRecogniser(5, (2,), ((3, 3),), ((2, 2),), features=4, bidirectional=both)
        variables = jax.jit(model.init)(jax.random.key(0), SOUND, LENGTHS)

        def first(sound, model=model, variables=variables):
            # Normalised by hand, or every frame would matter through its mean.
            return model.apply(variables, sound, LENGTHS, mutable=False)[0][0, 0].sum()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("deeplearn.models.speech.normalised", lambda sound, lengths: sound)
            slope = jax.jit(jax.grad(first))(SOUND)
        assert (np.abs(slope[0, 10:]).max() > 1e-6) == both


def test_bands_are_normalised_over_their_own_frames():
    loud = SOUND * 3 + np.arange(10, dtype=np.float32)
    ours = np.asarray(normalised(loud, LENGTHS))
    part = loud[1, :8]
    np.testing.assert_allclose(ours[1, :8], (part - part.mean(0)) / (part.std(0) + 1e-2), rtol=1e-4, atol=1e-5)
    assert not ours[1, 8:].any() and not ours[2].any()  # one frame is its own mean


@pytest.mark.parametrize("layers", [1, 2])
def test_a_forward_rival_has_as_many_parameters(layers):
    both = SpeechRecogniser(14, (4, 8), features=32, layers=layers)
    forward = both.clone(features=forward_width(both, 10), bidirectional=False)
    assert abs(count(forward) - count(both)) < 0.02 * count(both)
