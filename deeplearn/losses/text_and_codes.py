"""The objective of one transformer over a text's tokens and a picture's codes (Ramesh et al. 2021, section 2.2)."""

from __future__ import annotations

import jax
import optax

from deeplearn.nn.checks import assert_integers, assert_shapes

TEXT_WEIGHT = 1 / 8


def text_and_codes_loss(
    of_words: jax.Array | None, words: jax.Array, of_codes: jax.Array, codes: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """1/8 of the text's cross-entropy and 7/8 of the picture's, in nats; each a mean over its positions.

    of_words: logits [batch, time, vocabulary], of `words` int32 [batch, time], in which a text's padding counts
        like its words; None where the text is not predicted: then the loss is the picture's alone.
    of_codes: logits [batch, places, size of the alphabet], of `codes` int32 [batch, places].

    Returns:
        the loss, and {"codes": the picture's part, "accuracy": how often the most probable code is the right one,
        "words": the text's part, if it is predicted}.
    """
    assert_shapes(of_codes=(of_codes, "batch places alphabet"), codes=(codes, "batch places"))
    assert_integers(words=words, codes=codes)
    nll = optax.softmax_cross_entropy_with_integer_labels(of_codes, codes).mean()
    metrics = {"codes": nll, "accuracy": (of_codes.argmax(-1) == codes).mean()}
    loss = nll
    if of_words is not None:
        assert_shapes(of_words=(of_words, "batch time vocabulary"), words=(words, "batch time"))
        metrics["words"] = optax.softmax_cross_entropy_with_integer_labels(of_words, words).mean()
        loss = TEXT_WEIGHT * metrics["words"] + (1 - TEXT_WEIGHT) * nll
    return loss, metrics
