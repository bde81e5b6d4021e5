"""Random changes of training images that do not change their class, as pure functions for the compiled step.

Each takes a key and float images [batch, height, width, channels] in [0, 1], draws for every image independently,
and returns images of the same shape. In a loss:

    image = augment("translate,flip,cutout", model.make_rng("noise"), batch["image"])

They are applied in the order of the names. `mixup` also changes the targets, so it is a function of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import betaincinv

from deeplearn.errors import UserError

GREY = (0.2989, 0.587, 0.114)  # weights of red, green and blue in grey (ITU-R BT.601)


class Colours(NamedTuple):
    """Principal components of pixels: variances [3], largest first, and directions [3, 3], one per column."""

    variances: np.ndarray
    directions: np.ndarray


AUGMENTATIONS = ("crop", "translate", "flip", "pca_colour", "colour_jitter", "cutout")


def augment(names: str, key: jax.Array, images: jax.Array, colours: Colours | None = None) -> jax.Array:
    """Applies the augmentations in `names`, joined by commas, in order; "" is none. `colours` is for pca_colour.

    Sizes are fractions of the image, so that 8×8 digits and photographs are treated alike: crop pads by an eighth
    and translate shifts by up to an eighth of each side (4 pixels of 32: He et al. 2016), cutout's square is half
    as wide as the image (16 of 32 for CIFAR-10: DeVries & Taylor 2017).

    UserError for an unknown name, and where colours are needed and the images are grey.
    """
    for number, name in enumerate(filter(None, (part.strip() for part in names.split(",")))):
        own = jax.random.fold_in(key, number)
        height, width = images.shape[1:3]
        if name == "crop":
            images = crop(own, images, (height, width), padding=max(1, min(height, width) // 8))
        elif name == "translate":
            images = translate(own, images, max(1, min(height, width) // 8))
        elif name == "flip":
            images = flip(own, images)
        elif name == "pca_colour":
            if colours is None:
                raise ValueError("pca_colour needs the principal colours of the training images: principal_colours")
            images = pca_colour(own, images, colours)
        elif name == "colour_jitter":
            images = colour_jitter(own, images)
        elif name == "cutout":
            images = cutout(own, images, max(1, min(height, width) // 2))
        else:
            raise UserError(f"there is no augmentation {name!r}: choose from {', '.join(AUGMENTATIONS)}")
    return images


def windows(images: jax.Array, top: jax.Array, left: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Cuts a window of (height, width) out of each image, its first row and column at top [B] and left [B]."""

    def cut(image: jax.Array, top: jax.Array, left: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (top, left, 0), (*size, image.shape[-1]))

    return jax.vmap(cut)(images, top, left)


def crop(key: jax.Array, images: jax.Array, size: tuple[int, int], padding: int = 0) -> jax.Array:
    """A window of (height, width) at a random place of each image, black pixels padded around it first.

    224 of 256 pixels without padding in Krizhevsky et al. 2012, section 4.1; 32 of 32 with 4 padded in He et al.
    2016, section 4.2. All places are equally likely.
    """
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    room = np.array([images.shape[1] - size[0], images.shape[2] - size[1]])
    if (room < 0).any():
        raise ValueError(f"no window of {size} pixels fits into {images.shape[1:3]} with the padding")
    top, left = jax.random.randint(key, (2, len(images)), 0, room[:, None] + 1)
    return windows(images, top, left, size)


def translate(key: jax.Array, images: jax.Array, reach: int) -> jax.Array:
    """Shifts each image by −reach .. reach whole pixels down and across; its edge fills the gap."""
    top, left = jax.random.randint(key, (2, len(images)), 0, 2 * reach + 1)
    return shifted(images, reach - top, reach - left, reach)


def shifted(images: jax.Array, down: jax.Array, across: jax.Array, reach: int) -> jax.Array:
    """Each image moved by whole pixels, down [B] and across [B], of −reach .. reach; its edge fills the gap."""
    padded = jnp.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    return windows(padded, reach - down, reach - across, (images.shape[1], images.shape[2]))


def flip(key: jax.Array, images: jax.Array) -> jax.Array:
    """Mirrors each image, left for right, with probability ½."""
    return mirrored(images, jax.random.bernoulli(key, shape=(len(images),)))


def mirrored(images: jax.Array, which: jax.Array) -> jax.Array:
    """The images for which `which` [B] is true mirrored, left for right."""
    return jnp.where(which[:, None, None, None], images[:, :, ::-1], images)


def principal_colours(images: np.ndarray) -> Colours:
    """Principal components of the colours of all pixels of training images [N, H, W, 3] in [0, 1], by numpy."""
    if images.shape[-1] != 3:
        raise UserError(f"pca_colour needs images of three colours: these have {images.shape[-1]}")
    variances, directions = np.linalg.eigh(np.cov(images.reshape(-1, 3), rowvar=False))
    return Colours(variances[::-1].astype(np.float32), directions[:, ::-1].astype(np.float32))


def pca_colour(key: jax.Array, images: jax.Array, colours: Colours, std: float = 0.1) -> jax.Array:
    """Adds Σ p_i α_i λ_i to every pixel of an image, α ~ N(0, std²) drawn once an image.

    p_i and λ_i are the directions and variances of the training pixels (Krizhevsky et al. 2012, section 4.1).
    Results may leave [0, 1]. The paper multiplies by variances, not standard deviations, so the amount depends on
    the scale of pixels; with pixels in [0, 1] it is about .02 on photographs.
    """
    if images.shape[-1] != 3:
        raise UserError(f"pca_colour needs images of three colours: these have {images.shape[-1]}")
    alpha = std * jax.random.normal(key, (len(images), 3))
    # A 3×3 product at full precision everywhere; accelerators would round it otherwise.
    added = jnp.matmul(alpha * colours.variances, colours.directions.T, precision="highest")
    return images + added[:, None, None].astype(images.dtype)


def colour_jitter(
    key: jax.Array, images: jax.Array, brightness: float = 0.4, contrast: float = 0.4, saturation: float = 0.4
) -> jax.Array:
    """Brightness, then contrast, then saturation, each by a factor from U(1 − strength, 1 + strength) an image.

    Torchvision's formulas; its ColorJitter applies them in a random order. Grey images have no saturation.
    """
    strengths = np.array([brightness, contrast, saturation])[:, None]
    factors = jax.random.uniform(key, (3, len(images)), minval=1 - strengths, maxval=1 + strengths)
    images = adjust_brightness(images, factors[0])
    images = adjust_contrast(images, factors[1])
    return adjust_saturation(images, factors[2])


def adjust_brightness(images: jax.Array, factor: jax.Array) -> jax.Array:
    """factor · x, clipped to [0, 1]; factor [batch]. 0 gives black."""
    return _blend(images, jnp.zeros((), images.dtype), factor)


def adjust_contrast(images: jax.Array, factor: jax.Array) -> jax.Array:
    """factor · x + (1 − factor) · m, clipped to [0, 1], with m the mean grey of the image; factor [batch]."""
    return _blend(images, _grey(images.mean((1, 2), keepdims=True)), factor)


def adjust_saturation(images: jax.Array, factor: jax.Array) -> jax.Array:
    """factor · x + (1 − factor) · grey(x), clipped to [0, 1], pixel by pixel; factor [batch]. 0 gives grey."""
    return _blend(images, _grey(images), factor)


def _grey(images: jax.Array) -> jax.Array:
    if images.shape[-1] == 1:
        return images
    if images.shape[-1] != 3:
        raise UserError(f"colour_jitter needs grey images or three colours: these have {images.shape[-1]} channels")
    red, green, blue = (weight * images[..., i : i + 1] for i, weight in enumerate(GREY))
    return red + green + blue  # on CPU four times as fast as a sum over an axis of three


def _blend(images: jax.Array, other: jax.Array, factor: jax.Array) -> jax.Array:
    factor = factor[:, None, None, None].astype(images.dtype)
    return jnp.clip(factor * images + (1 - factor) * other, 0, 1)


def cutout(key: jax.Array, images: jax.Array, side: int) -> jax.Array:
    """Blackens a square of side × side pixels about a random pixel of each image, cut off at the image's edge.

    DeVries & Taylor 2017. In the paper 0 is the mean colour; here it is 0 in the images given.
    """
    height, width = images.shape[1:3]
    row, column = jax.random.randint(key, (2, len(images)), 0, np.array([[height], [width]]))

    def covered(centre: jax.Array, length: int) -> jax.Array:
        offset = jnp.arange(length) - centre[:, None] + side // 2
        return (offset >= 0) & (offset < side)

    hole = covered(row, height)[:, :, None] & covered(column, width)[:, None, :]
    return jnp.where(hole[..., None], jnp.zeros((), images.dtype), images)


def mixup(
    key: jax.Array, images: jax.Array, label: jax.Array, classes: int, alpha: float = 0.2
) -> tuple[jax.Array, jax.Array]:
    """λ x_i + (1 − λ) x_j and the same mixture of one-hot labels, λ ~ Beta(alpha, alpha) (Zhang et al. 2018).

    images [batch, …], label int32 [batch] -> (images, targets float32 [batch, classes]), for `soft_cross_entropy`.
    Each image has its own λ, as in the paper; its partner j is the one before it in the batch, which
    is in random order already.
    """
    # One of 4,096 equally likely quantiles: JAX's own Beta draws by rejection, slow to run and slower to compile.
    quantiles = betaincinv(alpha, alpha, (np.arange(4096) + 0.5) / 4096).astype(np.float32)
    weight = jax.random.choice(key, quantiles, (len(images),))
    targets = jax.nn.one_hot(label, classes)

    def mix(x: jax.Array) -> jax.Array:
        own = weight.reshape(-1, *(1,) * (x.ndim - 1)).astype(x.dtype)
        return own * x + (1 - own) * jnp.roll(x, 1, axis=0)

    return mix(images), mix(targets)
