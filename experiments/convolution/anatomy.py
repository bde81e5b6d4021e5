"""What a convolution is: the operation, sizes, sharing, equivariance, pooling's invariance, reach, variants.

    python -m experiments.convolution.anatomy

A small network is trained for a moment, so that there are filters to look at; what is said of it is then checked:
convolution against SciPy's correlation, output sizes against their formula, that moving the image moves the feature
map and changes nothing else (edges meet, so nothing is lost there), how many pooled values a move leaves alone, and
receptive fields against where gradients arrive. Errors are 0, the correlation's but for rounding. Measured, one
seed, 16 s: a move by a pixel leaves .03 of the outputs as they were without pooling, .17 under max pooling 2×2, .34
under 3×3 with stride 2, .01 under average or L2 pooling, .12 under stochastic pooling, all under a global maximum.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid
from deeplearn.figures.text import text_image
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.translation import equivariance_error, unchanged
from deeplearn.models.anatomy import Anatomy, anatomy
from deeplearn.models.support import gradient_support
from deeplearn.nn.conv import Conv
from deeplearn.nn.dynamic_filter import DynamicFilters
from deeplearn.nn.gated import GatedConv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.pooling import avg_pool, l2_pool, max_pool, stochastic_pool
from deeplearn.nn.separable import SeparableConv, SpatiallySeparableConv
from deeplearn.nn.transposed import TransposedConv
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

POOLS: dict[str, Any] = {
    "no pooling": lambda x: x,
    "max 2×2": lambda x: max_pool(x, 2),
    "max 3×3, stride 2": lambda x: max_pool(x, 3, 2),
    "average 2×2": lambda x: avg_pool(x, 2),
    "L2 2×2": lambda x: l2_pool(x, 2),
    "stochastic 2×2": lambda x: stochastic_pool(x, jax.random.key(0), 2),
    "global max": lambda x: x.max((1, 2), keepdims=True),
}
STACK = {"3×3": (1, 1), "3×3 again": (1, 1), "stride 2": (2, 1), "3×3 after it": (1, 1), "rate 2": (1, 2)}


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 500
    batch_size: int = 64
    features: int = flag(16, "filters of the first convolution; the second has twice as many", min=1)
    kernel: int = flag(3, "height and width of filters, an odd number", min=1)
    learning_rate: float = flag(3e-3, "Adam's rate", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "features": 32, "kernel": 5, "steps": 2000}
    TINY: ClassVar[dict[str, Any]] = {"features": 2}


class SmallNetwork(nn.Module):
    """Two convolutions on images whose edges meet: [B, H, W, C] -> logits. Its networks are its layers."""

    classes: int
    features: int
    kernel: int

    def setup(self) -> None:
        size = (self.kernel, self.kernel)
        self.first = Conv(self.features, size, padding="CIRCULAR")
        self.second = Conv(2 * self.features, size, padding="CIRCULAR")
        self.head = nn.Dense(self.classes)

    def convolve(self, x: jax.Array) -> jax.Array:
        return self.first(x)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.head(nn.relu(self.second(max_pool(nn.relu(self.first(x)), 2))).mean((1, 2)))


VARIANTS: dict[str, nn.Module] = {
    "ordinary 3×3": Conv(16, (3, 3)),
    "ordinary 5×5": Conv(16, (5, 5)),
    "pointwise 1×1": Conv(16, (1, 1)),
    "dilated 3×3, rate 2": Conv(16, (3, 3), kernel_dilation=2),
    "grouped 3×3, 4 groups": GroupedConv(16, 3, groups=4),
    "depthwise separable 3×3": SeparableConv(16, 3),
    "spatially separable 3×1, 1×3": SpatiallySeparableConv(16, 3),
    "transposed 4×4, stride 2": TransposedConv(16, 4, 2, padding=1),
    "gated 3×3": GatedConv(16, (3, 3)),
    "dynamic filters 3×3": DynamicFilters(16, (3, 3)),
}


def classify(model: SmallNetwork, batch: Batch) -> tuple[jax.Array, Metrics]:
    return cross_entropy(model(batch["image"]), batch["label"])


def validate(model: SmallNetwork, batch: Batch) -> Metrics:
    return classify(model, batch)[1]


def feature_maps(trained: Trained, images: np.ndarray) -> np.ndarray:
    return np.asarray(trained(SmallNetwork.convolve, images))


def correlation_error(trained: Trained, images: np.ndarray) -> float:
    """The largest difference between the layer and Y(i, j, k) = Σ_c Σ_u Σ_v W·X + b by SciPy."""
    from scipy.signal import correlate2d

    weights = jax.tree.map(np.asarray, trained.variables["params"]["first"])
    expected = np.zeros((*images.shape[:3], len(weights["bias"]))) + weights["bias"]
    for n, c, k in np.ndindex(len(images), images.shape[-1], len(weights["bias"])):
        window = weights["kernel"][:, :, c, k]
        expected[n, :, :, k] += correlate2d(images[n, :, :, c], window, mode="same", boundary="wrap")
    return float(np.abs(feature_maps(trained, images) - expected).max())


def wrong_sizes() -> int:
    """How many of 300 convolutions have another output than ⌊(H + 2P − K)/S⌋ + 1."""
    wrong = 0
    for height, size, stride, padding in itertools.product(range(7, 17), (1, 2, 3, 5, 7), (1, 2, 3), (0, 1)):
        image, kernel = (jax.ShapeDtypeStruct((1, 1, n, n), jnp.float32) for n in (height, size))
        how = {"window_strides": (stride, stride), "padding": [(padding, padding)] * 2}
        output = jax.eval_shape(functools.partial(jax.lax.conv_general_dilated, **how), image, kernel)
        wrong += output.shape[2] != (height + 2 * padding - size) // stride + 1
    return wrong


class Stack(nn.Module):
    """The first layers of STACK, their weights positive so that no gradient cancels. [B, H, W, 1] -> the same."""

    depth: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for stride, rate in list(STACK.values())[: self.depth]:
            x = Conv(1, (3, 3), stride, kernel_dilation=rate, kernel_init=nn.initializers.ones)(x)
        return x


@functools.cache
def reached(depth: int) -> np.ndarray:
    """Where gradients of the stack's middle unit arrive, [48, 48]."""
    return gradient_support(Stack(depth), (48, 48, 1))


def wrong_fields() -> int:
    """How many layers of the stack see another number of rows than the table of the traced program says."""
    table = anatomy(Stack(len(STACK)), jax.ShapeDtypeStruct((1, 48, 48, 1), jnp.float32)).layers
    seen = [int(reached(depth).any(1).sum()) for depth in range(1, len(STACK) + 1)]
    return sum(rows != layer.receptive_field[0] for rows, layer in zip(seen, table, strict=True))


@functools.cache
def tables() -> dict[str, Anatomy]:
    """Each variant on 16×16 positions of 16 features."""
    image = jax.ShapeDtypeStruct((1, 16, 16, 16), jnp.float32)
    return {name: anatomy(layer, image) for name, layer in VARIANTS.items()}


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test.arrays()
    images = test["image"][:64]
    maps = functools.partial(feature_maps, trained)
    checks = {
        "accuracy": trained.mean(validate, test)["accuracy"],
        "correlation_error": correlation_error(trained, images[:8]),
        "equivariance_error": equivariance_error(maps, images),
        "wrong_sizes": wrong_sizes(),
        "wrong_receptive_fields": wrong_fields(),
    }
    pools = {name: unchanged(lambda x, pool=pool: pool(nn.relu(maps(x))), images) for name, pool in POOLS.items()}
    return checks | {f"moved by a pixel: {name}": {"unchanged": share} for name, share in pools.items()}


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    """What sharing saves in the first layer, and the variants on 16×16 positions of 16 features."""
    height, width, channels = dataset.train.spec["image"].shape
    places, window, features = height * width, trained.model.kernel**2 * channels, trained.model.features
    counts = {  # parameters, multiply-adds
        "first layer": (features * (window + 1), places * features * window),
        "first layer, nothing shared": (places * features * (window + 1), places * features * window),
        "first layer, dense": (places * features * (places * channels + 1), places * features * places * channels),
    }
    counts |= {f"16 to 16: {name}": (table.parameters, table.multiply_adds) for name, table in tables().items()}
    return {name: {"parameters": p, "multiply_adds": m} for name, (p, m) in counts.items()}


def sheet(pictures: dict[str, np.ndarray]) -> Any:
    """A labelled row for each [columns, H, W]."""
    return image_grid(np.stack(list(pictures.values()))[..., None], row_labels=list(pictures))


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    image = dataset.test.arrays(1)["image"]
    side = image.shape[1]
    kernels = np.asarray(trained.variables["params"]["first"]["kernel"]).mean(2).transpose(2, 0, 1)[:8]
    before = side // 2 - kernels.shape[-1] // 2
    frame = (before, side - kernels.shape[-1] - before)
    features = feature_maps(trained, image)[0].transpose(2, 0, 1)[:8]
    operation = {
        "image": np.stack([image[0].mean(-1)] * len(kernels)),
        "filter": np.pad(stretched(kernels), ((0, 0), frame, frame), constant_values=0.5),
        "feature map": stretched(features),
    }
    moved = np.concatenate([np.roll(image, shift, 2) for shift in range(8)])
    maps = feature_maps(trained, moved)[..., 0]
    rolled = np.stack([np.roll(maps[0], shift, 1) for shift in range(8)])
    equivariance = {
        "moved image": moved.mean(-1),
        "its feature map": stretched(maps),
        "the first map, moved": stretched(rolled),
        "difference": np.abs(maps - rolled),
    }
    active = nn.relu(features.transpose(1, 2, 0)[None])
    pooled = {name: pool(active) for name, pool in POOLS.items() if name != "global max"}
    enlarged = {name: jax.image.resize(x, active.shape, "nearest")[0] for name, x in pooled.items()}
    pooling = {name: stretched(np.asarray(x).transpose(2, 0, 1)) for name, x in enlarged.items()}
    fields = {name: reached(depth) for depth, name in enumerate(STACK, start=1)}
    names = [f"{name}: {field.any(1).sum()} pixels" for name, field in fields.items()]
    return {
        "operation": sheet(operation),
        "equivariance": sheet(equivariance),
        "pooling": sheet(pooling),
        "receptive_fields": image_grid(np.stack(list(fields.values()))[..., None], 1, scale=3, row_labels=names),
        "variants": text_image("\n\n".join(f"{name}\n{table}" for name, table in tables().items())),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    if config.kernel % 2 == 0 or config.kernel > min(dataset.train.spec["image"].shape[:2]):
        raise UserError(f"--kernel={config.kernel} should be odd and no larger than the images")
    return Experiment(
        model=SmallNetwork(len(dataset.classes), config.features, config.kernel),
        stages=[Stage([Turn(classify)], optax.adam(config.learning_rate), config.steps)],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        baselines=baselines,
        figures=draw,
        watch=("loss", "accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
