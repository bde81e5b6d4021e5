"""What a classifier with a labelled source and an unlabelled target minimises.

`model` is bound and has `features(image, train)`, `classify(features)` and `domain(features)`; a batch is
{"source": {"image", "label"}, "target": {"image"}, "labelled_target": {"image", "label"}}, of which only what
is trained on the target's labels sees the last. Each domain is normalised by its own batch. The strength of an
alignment grows as λ_p (Ganin & Lempitsky 2015, equation 14) over `steps` steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from deeplearn.losses.alignment import domain_entropy, ramp
from deeplearn.losses.classification import cross_entropy
from deeplearn.nn.gradient_reversal import reverse_gradient

Losses = tuple[jax.Array, dict[str, jax.Array]]
Batch = Mapping[str, Any]


def supervised(model: Any, batch: Batch, of: str) -> Losses:
    """Cross-entropy on one of the sources: "source", or "labelled_target" for what has the target's labels."""
    return cross_entropy(model.classify(model.features(batch[of]["image"], train=True)), batch[of]["label"])


def aligned(model: Any, batch: Batch, distance: Callable[..., jax.Array], strength: float, steps: int) -> Losses:
    """Cross-entropy on the source + strength · λ_p · distance(source features, target features)."""
    source, target = _both(model, batch)
    loss, metrics = cross_entropy(model.classify(source), batch["source"]["label"])
    apart = distance(source, target)
    return loss + strength * ramp(batch["step"] / steps) * apart, {**metrics, "distance": apart}


def reversed_gradient(model: Any, batch: Batch, strength: float, steps: int) -> Losses:
    """DANN in one turn: the classifier of domains descends, the features below it ascend.

    Ganin & Lempitsky 2015, equations 13 to 15.
    """
    source, target = _both(model, batch)
    loss, metrics = cross_entropy(model.classify(source), batch["source"]["label"])
    factor = strength * ramp(batch["step"] / steps)
    seen = (reverse_gradient(features, factor) for features in (source, target))
    domain, told = domain_entropy(*map(model.domain, seen))
    return loss + domain, {**metrics, **told}


def tell_apart(model: Any, batch: Batch) -> Losses:
    """DANN in two turns, the first: trains the classifier of domains."""
    return domain_entropy(*map(model.domain, _both(model, batch)))


def confuse(model: Any, batch: Batch, strength: float, steps: int) -> Losses:
    """The second: trains features and labels, against the classifier of domains."""
    source, target = _both(model, batch)
    loss, metrics = cross_entropy(model.classify(source), batch["source"]["label"])
    domain, told = domain_entropy(model.domain(source), model.domain(target))
    return loss - strength * ramp(batch["step"] / steps) * domain, {**metrics, **told}


def _both(model: Any, batch: Batch) -> tuple[jax.Array, jax.Array]:
    source, target = (model.features(batch[side]["image"], train=True) for side in ("source", "target"))
    return source, target
