"""Experiments for the tests of export and sample: a classifier as the root, and two autoencoders side by side."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image

from deeplearn import train as dl
from deeplearn.errors import UserError
from deeplearn.models.mlp import MLP


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 3
    batch_size: int = 8
    form: str = dl.flag("classifier", "what is built", choices=("classifier", "rivals"))


class Autoencoder(nn.Module):
    """Its `encode` takes flat images; it has no `__call__`."""

    def setup(self):
        self.encoder, self.decoder = nn.Dense(3), nn.Dense(64)

    def encode(self, x):
        return self.encoder(x)

    def reconstruct(self, image):
        flat = image.reshape(len(image), -1)  # len: there is no symbolic batch
        return jax.nn.sigmoid(self.decoder(self.encode(flat))).reshape(image.shape)

    def decode(self, z):
        return self.decoder(z)

    def sample(self, count):
        z = jax.random.normal(self.make_rng("noise"), (count, 3))
        return self.decoder(z)


def classify(net, batch):
    logits = net(batch["image"], train=True)
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean(), {}


def error(model, batch):
    return jnp.square(model.reconstruct(batch["image"]) - batch["image"]).mean(), {}


def evaluate(trained, dataset):
    return dl.ours({"mse": float(trained.mean(measure, dataset.test.arrays())["mse"])})


def measure(model, batch):
    return {"mse": error(model, batch)[0]}


def sheet(trained, dataset):
    """Eight samples above eight test images."""
    drawn = trained["first"](Autoencoder.sample, count=8)
    rows = [np.asarray(drawn).reshape(8, 8, 8), dataset.test.arrays(8)["image"][..., 0]]
    return Image.fromarray((255 * np.clip(np.hstack(np.hstack(rows)), 0, 1)).astype(np.uint8))


def images(trained, dataset, count):
    return jax.nn.sigmoid(trained["first"](Autoencoder.sample, count=count)).reshape(-1, 8, 8, 1)


def walk(trained, dataset, stops, between, text="black"):
    """From black to white, or from white to black."""
    grey = np.arange(stops * between) / (stops * between)
    grey = 1 - grey if text == "white" else grey
    return np.broadcast_to(grey[:, None, None, None], (stops * between, 8, 8, 1))


def answer(trained, dataset, question):
    if not question:
        raise UserError("--text is empty: say a number")
    return f"{question}: {trained(pick)} of {', '.join(dataset.classes[:2])}, …"


def pick(net):
    return jax.random.randint(net.make_rng("noise"), (), 0, 10**6)


def build(config, dataset):
    stage = dl.Stage([dl.Turn(error)], optax.adam(1e-2), config.steps)
    if config.form == "classifier":
        stages = [dataclasses.replace(stage, turns=[dl.Turn(classify)])]
        return dl.Experiment(MLP((5,), len(dataset.classes)), stages, dataset, answer=answer)
    rivals = {name: dl.Rival(Autoencoder(), [stage], evaluate) for name in ("first", "second")}
    return dl.side_by_side(rivals, data=dataset, sheet=sheet, images=images, walk=walk)
