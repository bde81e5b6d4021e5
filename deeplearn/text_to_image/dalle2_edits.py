"""What DALL·E 2 can do with a picture besides making one from words (Ramesh et al. 2022, section 3).

A picture is taken apart into its vector, which says what is to be seen, and the noise that the decoder leads back
to it under that vector, which says the rest. Both can be changed. All is done at the decoder's own side, without
captions: the vector alone is told. Pictures are [N, side, side, C] in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.models.clip import unit
from deeplearn.models.inpainting import inpaint
from deeplearn.models.samplers import SAMPLERS, Denoiser, follow
from deeplearn.nn.functional import area_means
from deeplearn.nn.great_circle import along_great_circle
from deeplearn.text_to_image.dalle2_config import UnclipConfig
from deeplearn.text_to_image.dalle2_drawing import (
    decoder_of,
    decoder_ratios,
    finished,
    picture_vectors,
    text_vectors,
    vectors_for,
)

FREE = 6  # directions of a wider variation, by 60 validation pictures of people: of kinds .93 stay, with ten .82
KNOWN = 2_000  # training pictures that say in which directions near pictures differ
JUMP, RESAMPLE = 4, 3  # of RePaint: far fewer than for photographs, as the levels are

Rows = Mapping[str, np.ndarray]


def by_vector(trained: dl.Trained, vector: Any, rows: Rows, guidance: float = 0.0) -> Denoiser:
    """The decoder that is told vectors [N, D] and no captions; without guidance its noise can be found again."""
    return decoder_of(trained, vector, rows["tokens"], np.zeros_like(rows["length"]), guidance)


def taken_apart(trained: dl.Trained, config: UnclipConfig, rows: Rows) -> tuple[jax.Array, jax.Array]:
    """Pictures' vectors [N, D], and the noise [N, side, side, C] that DDIM leads back to the pictures."""
    vector = trained(picture_vectors, rows["image"])
    small = trained.model.decoder.normalise(area_means(rows["image"], config.sides[0]))
    upwards = decoder_ratios(config)[-2::-1]  # from the smallest ratio above 0
    noise = follow(SAMPLERS["ddim"], by_vector(trained, vector, rows), trained.key, small, upwards)
    return vector, noise


def decoded(
    trained: dl.Trained,
    config: UnclipConfig,
    rows: Rows,
    vector: Any,
    noise: Any,
    sampler: str = "ddim",
    guidance: float = 0.0,
) -> np.ndarray:
    """The pictures of vectors and noise; with "ddpm" fresh noise enters at each step besides."""
    denoiser = by_vector(trained, vector, rows, guidance)
    return finished(trained, follow(SAMPLERS[sampler], denoiser, trained.key, noise, decoder_ratios(config)))


def variations(trained: dl.Trained, config: UnclipConfig, rows: Rows, count: int) -> np.ndarray:
    """[count, N, side, side, C]: what the vector says, drawn again and again (section 3.1).

    The paper's η, the share of noise that is fresh, is 1 here.
    """
    vector, noise = taken_apart(trained, config, rows)
    return _again(trained, config, rows, [vector] * count, noise)


def _again(trained: dl.Trained, config: UnclipConfig, rows: Rows, vectors: Sequence[Any], noise: Any) -> np.ndarray:
    """Pictures of each of `vectors`, [N, D], with fresh noise."""
    return np.stack([decoded(trained.folded(n), config, rows, z, noise, "ddpm") for n, z in enumerate(vectors)])


def near_directions(vectors: np.ndarray, count: int) -> np.ndarray:
    """Orthonormal [at most count, D]: where vectors [N, D] of length 1 differ most from the one nearest to each."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    directions: np.ndarray = np.linalg.svd(vectors[cosines.argmax(1)] - vectors, full_matrices=False)[2][:count]
    return directions


def wider_variations(
    trained: dl.Trained, config: UnclipConfig, rows: Rows, count: int, dataset: Dataset
) -> np.ndarray:
    """[count, N, side, side, C]: variations whose vectors vary, too, in the ways in which near pictures differ.

    Not in the paper, whose CLIP knows far fewer pictures than there are: one that tells every picture of a small
    set from all others leaves a decoder hardly anything to vary. In the directions in which training pictures
    differ most from the nearest other one, half of all at most, a vector is here that of a training picture, any;
    elsewhere its own. Then it is brought to length 1 again.
    """
    vector, noise = taken_apart(trained, config, rows)
    known = np.asarray(trained.over(picture_vectors, evenly_spaced(dataset.train, KNOWN)["image"]))
    directions = near_directions(known, min(FREE, known.shape[1] // 2))
    chosen = jax.random.randint(trained.folded(count).key, (count, len(noise)), 0, len(known))
    moved = [unit(vector + (known[each] - vector) @ directions.T @ directions) for each in np.asarray(chosen)]
    return _again(trained, config, rows, moved, noise)


def interpolated(
    trained: dl.Trained, config: UnclipConfig, rows: Rows, others: Rows, fractions: np.ndarray
) -> np.ndarray:
    """[fractions, N, side, side, C]: from pictures (0) to others (1), vectors and noise along the arcs (3.2)."""
    (vector, noise), (vector_other, noise_other) = (taken_apart(trained, config, each) for each in (rows, others))

    def flat_arc(a: Any, b: Any, fraction: float) -> Any:
        flat = along_great_circle(a.reshape(len(a), -1), b.reshape(len(b), -1), jnp.float32(fraction))
        return flat.reshape(a.shape)

    return np.stack(
        [
            decoded(
                trained,
                config,
                rows,
                along_great_circle(vector, vector_other, jnp.float32(fraction)),
                flat_arc(noise, noise_other, fraction),
            )
            for fraction in fractions
        ]
    )


def turned(trained: dl.Trained, config: UnclipConfig, rows: Rows, asked: Rows, fractions: np.ndarray) -> np.ndarray:
    """[fractions, N, side, side, C]: pictures changed as the captions `asked` differ from their own (section 3.3).

    z_θ = slerp(z_i, z_d, θ), z_d the difference of the captions' vectors at length 1; the noise stays. The paper
    has θ from .25 to .5. Pictures are pushed towards z_θ by --guidance, and so no longer are their own at θ = 0.
    """
    vector, noise = taken_apart(trained, config, rows)
    own, wanted = (trained(text_vectors, each["tokens"], each["length"]) for each in (rows, asked))
    difference = unit(wanted - own)
    between = [along_great_circle(vector, difference, jnp.float32(fraction)) for fraction in fractions]
    return np.stack([decoded(trained, config, rows, z, noise, guidance=config.guidance) for z in between])


def completed(trained: dl.Trained, config: UnclipConfig, rows: Rows, visible: np.ndarray) -> np.ndarray:
    """[N, side, side, C]: the caption's picture, of which the `visible` part, bool [side, side, 1], is given."""
    vector = vectors_for(trained, config, rows["tokens"], rows["length"])
    denoiser = decoder_of(trained, vector, rows["tokens"], rows["length"], config.guidance)
    known = trained.model.decoder.normalise(area_means(rows["image"], config.sides[0]))
    x = inpaint(denoiser, known, jnp.asarray(visible), trained.key, decoder_ratios(config), JUMP, RESAMPLE)
    return finished(trained, x)
