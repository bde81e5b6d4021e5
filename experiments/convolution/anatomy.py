"""What a convolution is: the operation, sizes, sharing, equivariance, pooling's invariance, reach, variants.

    python -m experiments.convolution.anatomy

A small network is trained briefly, so that it has filters to show; then its properties are checked: convolution
against SciPy's correlation, output sizes against their formula, that moving the image moves the feature map and
changes nothing else (images wrap around at their edges), how many pooled values do not change under a move, and
receptive fields against gradients. Also: how much weight sharing saves in the first layer, and the cost of variants
of a convolution on 16×16 positions of 16 features.
"""

import dataclasses
import itertools
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import stretched
from deeplearn.figures.convolution import equivariance, operation
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.figures.text import text_image
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.correlation import correlation_error
from deeplearn.metrics.translation import equivariance_error, unchanged
from deeplearn.models.anatomy import anatomy
from deeplearn.models.support import Stack, receptive_fields
from deeplearn.nn.conv import Conv
from deeplearn.nn.dynamic_filter import DynamicFilters
from deeplearn.nn.gated import GatedConv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.pooling import avg_pool, l2_pool, max_pool, stochastic_pool
from deeplearn.nn.separable import SeparableConv, SpatiallySeparableConv
from deeplearn.nn.transposed import TransposedConv

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
SIDE = 48  # pixels of the image on which the stack's receptive fields are measured
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


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 500
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: str = "constant"
    features: int = dl.flag(16, "filters of the first convolution; the second has twice as many", min=1)
    kernel: int = dl.flag(3, "height and width of filters, an odd number", min=1)

    PAPER = {"dataset": "mnist", "features": 32, "kernel": 5, "steps": 2000}
    TINY = {"features": 2}


class SmallNetwork(nn.Module):
    """Two convolutions on images that wrap around: [B, H, W, C] -> logits [B, classes]."""

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


def classify(model: SmallNetwork, batch: dl.Batch) -> dl.Losses:
    return cross_entropy(model(batch["image"]), batch["label"])


def wrong_sizes() -> int:
    """How many of 300 convolutions have another output than ⌊(H + 2P − K)/S⌋ + 1."""
    wrong = 0
    for height, size, stride, padding in itertools.product(range(7, 17), (1, 2, 3, 5, 7), (1, 2, 3), (0, 1)):
        image, kernel = (jax.ShapeDtypeStruct((1, 1, n, n), jnp.float32) for n in (height, size))
        convolve = partial(
            jax.lax.conv_general_dilated, window_strides=(stride, stride), padding=[(padding, padding)] * 2
        )
        output = jax.eval_shape(convolve, image, kernel)
        wrong += output.shape[2] != (height + 2 * padding - size) // stride + 1
    return wrong


def wrong_fields(fields: list[np.ndarray]) -> int:
    """How many of the stack's fields do not have the number of rows in the table of the traced program."""
    table = anatomy(Stack(tuple(STACK.values())), jax.ShapeDtypeStruct((1, SIDE, SIDE, 1), jnp.float32)).layers
    return sum(field.any(1).sum() != row.receptive_field[0] for field, row in zip(fields, table, strict=True))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    def maps(images: np.ndarray) -> np.ndarray:
        return np.asarray(trained(SmallNetwork.convolve, images))

    def after(pool: Any) -> dl.Measured:
        return dl.Measured({"unchanged": unchanged(lambda x: pool(nn.relu(maps(x))), images)})

    test = dataset.test.arrays()
    images = test["image"][:64]
    first = jax.tree.map(np.asarray, trained.variables["params"]["first"])
    fields = receptive_fields(tuple(STACK.values()), SIDE)
    metrics = {
        "accuracy": trained.mean(classification, test)["accuracy"],
        "correlation_error": correlation_error(images[:8], first["kernel"], first["bias"], maps(images[:8])),
        "equivariance_error": equivariance_error(maps, images),
        "wrong_sizes": wrong_sizes(),
        "wrong_receptive_fields": wrong_fields(fields),
    }
    moved = np.concatenate([np.roll(images[:1], shift, 2) for shift in range(8)])
    return dl.ours(metrics, kernel=first["kernel"], moved=moved, maps=maps(moved), fields=fields) | {
        f"moved by a pixel: {name}": after(pool) for name, pool in POOLS.items()
    }


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    height, width, channels = dataset.train.spec["image"].shape
    places, window, features = height * width, trained.config.kernel**2 * channels, trained.config.features
    counts = {  # parameters, multiply-adds
        "first layer": (features * (window + 1), places * features * window),
        "first layer, nothing shared": (places * features * (window + 1), places * features * window),
        "first layer, dense": (places * features * (places * channels + 1), places * features * places * channels),
    }

    def row(parameters: int, multiply_adds: int, **arrays: Any) -> dl.Measured:
        return dl.Measured({"parameters": parameters, "multiply_adds": multiply_adds}, arrays)

    def variant(layer: nn.Module) -> dl.Measured:
        table = anatomy(layer, jax.ShapeDtypeStruct((1, 16, 16, 16), jnp.float32))
        return row(table.parameters, table.multiply_adds, table=str(table))

    first = {name: lambda both=both: row(*both) for name, both in counts.items()}
    return first | {f"16 to 16: {name}": lambda layer=layer: variant(layer) for name, layer in VARIANTS.items()}


def figures(report: dl.Report) -> dict[str, Any]:
    shown = report.ours.arrays
    moved, maps = shown["moved"].mean(-1), shown["maps"]

    def pooling() -> Any:
        active = nn.relu(maps[:1, ..., :8])
        pooled = {name: pool(active) for name, pool in POOLS.items() if name != "global max"}
        enlarged = {name: jax.image.resize(x, active.shape, "nearest")[0] for name, x in pooled.items()}
        rows = {name: stretched(np.asarray(x).transpose(2, 0, 1)) for name, x in enlarged.items()}
        return image_rows(rows, (*active.shape[1:3], 1))

    def fields() -> Any:
        names = [f"{name}: {seen.any(1).sum()} pixels" for name, seen in zip(STACK, shown["fields"], strict=True)]
        return image_grid(np.stack(shown["fields"])[..., None], 1, scale=3, row_labels=names)

    def variants() -> Any:
        rows = {name: report.rows.get(f"16 to 16: {name}") for name in VARIANTS}
        return text_image("\n\n".join(f"{name}\n{row.arrays['table']}" for name, row in rows.items() if row))

    return {
        "operation": lambda: operation(moved[0], shown["kernel"].mean(2), maps[0]),
        "equivariance": lambda: equivariance(moved, maps[..., 0]),
        "pooling": pooling,
        "receptive_fields": fields,
        "variants": variants,
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    if config.kernel % 2 == 0 or config.kernel > min(dataset.train.spec["image"].shape[:2]):
        raise UserError(f"--kernel={config.kernel} should be odd and no larger than the images")
    return dl.Experiment(
        model=SmallNetwork(len(dataset.classes), config.features, config.kernel),
        stages=[dl.Stage([dl.Turn(classify)], config.chain(), config.steps)],
        data=dataset,
        evaluate=evaluate,
        validate=classification,
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
