"""Pictures as vectors: a network's last features find pictures of classes that it has never seen.

    python -m experiments.representations.image_embeddings --replicas=5
    python -m experiments.representations.image_embeddings --replicas=5 --dataset=openmoji/24 --steps=1200 \\
        --augmentation=translate,colour_jitter
    python -m experiments.representations.image_embeddings --dataset=folder:PATH@64 --unseen=0
    python -m experiments.representations.image_embeddings --dataset=folder:PATH@224 --network=resnet50 \\
        --weights=FILE --steps=20 --batch_size=16
    python -m deeplearn.weights.similar --weights=runs/representations.image_embeddings --folder=PATH --image=FILE

A network learns to classify pictures of every other class; what comes before its last layer is a picture's vector
(Donahue et al. 2014; Razavian et al. 2014), and two are alike as far as the cosine of their vectors says. Each test
picture is a query among training pictures: of classes that the network learned (`seen_…`), and, which is the worth
of vectors, of the others, of which it has seen nothing (`unseen_…`, as in Oh Song et al. 2016). Alike is what has
one class: a letter in another font, a kind of emoji with another person or tone of skin. Measured are mean average
precision, recall at 1 and 5, the vote of the 5 nearest, and a linear probe. Beside it: the same network untrained,
raw pixels, their principal components, colour histograms. With `--weights` the network is that of a file of
torchvision, timm or Keras, of one of ours or of a run; then the last layer alone is trained, as a linear probe.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.embeddings import t_sne
from deeplearn.baselines.retrieval import COLOURS, PCA, PIXELS, Retrieval
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.data.classes import examples_of, held_out, labelled_by
from deeplearn.errors import UserError
from deeplearn.figures.grid import credited, spread
from deeplearn.figures.plots import bars
from deeplearn.figures.retrieved import picture_map, retrieved
from deeplearn.losses.classification import cross_entropy
from deeplearn.models.embedder import Embedder
from deeplearn.models.zoo import backbone
from deeplearn.weights.load import load_into
from deeplearn.weights.source import Source, pretrained

UNTRAINED = "the network before training"
ROWS, MAPPED = 8, 300  # queries in a sheet, and on the map


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "glyphs"
    steps: int = 600
    batch_size: int = 32
    label: str = dl.flag("", "column that says what is alike (empty: kind, where the data have it, or label)")
    unseen: float = dl.flag(0.5, "fraction of the classes that are not learned, but searched", min=0, max=0.9)
    network: str = dl.flag("resnet8", "a network of the zoo, small, with --weights at paper size; or resnet8")
    width: int = dl.flag(16, "features of resnet8's first block", min=1)
    blocks: int = dl.flag(3, "residual blocks of resnet8, each but the first halves the image", min=1)
    weights: str = dl.flag("", "a file or run directory whose network is taken as it is")
    augmentation: str = dl.flag("translate", "changes of training images, joined by commas (empty: none)")
    components: int = dl.flag(64, "of PCA", min=1)

    PAPER = {"dataset": "cifar10", "network": "resnet18", "steps": 20_000}
    TINY = {"width": 2, "blocks": 1, "components": 4}


def classify(model: Embedder, batch: dl.Batch, augmentation: str) -> dl.Losses:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    return cross_entropy(model(image, train=True), batch["label"])


def probe(model: Embedder, batch: dl.Batch) -> dl.Losses:
    """The last layer on a network that stays as it is."""
    return cross_entropy(model(batch["image"]), batch["label"])


def evaluate(trained: dl.Trained, dataset: Dataset, search: Retrieval) -> dl.Rows:
    image = np.zeros((1, *dataset.image_shape), np.float32)
    before = dl.Trained(trained.model, trained.model.init(trained.key, image), trained.key, trained.config)
    networks = {dl.OURS: trained, UNTRAINED: before}
    return {row: search.measured(partial(one.over, Embedder.features)) for row, one in networks.items()}


def baselines(trained: dl.Trained, dataset: Dataset, search: Retrieval) -> dict[str, Any]:
    return search.without_network(trained.config.components)


def figures(report: dl.Report, search: Retrieval) -> dict[str, Any]:
    name, task = next(iter(search.tasks.items()))
    queries, names, credit = task.queries, report.dataset.classes, report.dataset.about.get("credit", "")
    score = f"{name}_map"

    def nearest(row: str) -> Any:
        rows = spread(len(queries["label"]), ROWS)
        found, label = report.rows[row].arrays["nearest"][rows], queries["label"][rows]
        right = task.gallery["label"][found] == label[:, None]
        titles = [names[number] for number in label]
        return credited(retrieved(queries["image"][rows], task.gallery["image"][found], right, titles), credit)

    def pictures() -> Any:
        rows = spread(len(queries["label"]), MAPPED)
        return credited(picture_map(t_sne(report.ours.arrays["vectors"][rows]), queries["image"][rows]), credit)

    def scores() -> Any:
        others = {row: report.rows[row].metrics[score] for row in (PIXELS, PCA, COLOURS)}
        means = {**report.spread(score, ours="features of the network"), **others}
        return bars(means, f"mean average precision, classes {name} in training")

    sheets = {"nearest": partial(nearest, dl.OURS), "nearest_by_pixels": partial(nearest, PIXELS)}
    return {**sheets, "map": pictures, "scores": scores}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_classes("what is found is compared with its class")
    dataset = labelled_by(dataset, config.label or ("kind" if "kind" in dataset.train.spec else "label"))
    unseen = held_out(len(dataset.classes), config.unseen)
    if config.weights:
        begin, turn = pretrained(config.weights, config.network, dataset), dl.Turn(probe, trains=("head",))
        start = partial(load_into, path=Path(config.weights), net=begin.net, at="body", of=begin.of)
    else:
        begin, start = Source(backbone(config.network, config.width, config.blocks), ()), None
        turn = dl.Turn(partial(classify, augmentation=config.augmentation))
    if not config.weights and (~unseen).sum() < 2:
        raise UserError(
            f"{len(unseen)} classes, less those held out by --unseen={config.unseen}, leave one to learn: say "
            "--unseen=0"
        )
    lessons, search = examples_of(dataset.train, ~unseen), Retrieval(dataset, ~unseen)
    search.need()
    which = "unseen" if unseen.any() else "seen"
    return dl.Experiment(
        model=Embedder(begin.net, len(dataset.classes), begin.colours, begin.blue_first),
        stages=[dl.Stage([turn], config.chain(), config.steps, data=lessons, start=start)],
        data=dataset,
        evaluate=partial(evaluate, search=search),
        baselines=partial(baselines, search=search),
        figures=partial(figures, search=search),
        claims=[
            dl.Claim(f"features find pictures of {which} classes better than {row}", dl.OURS, row, f"{which}_map")
            for row in (PIXELS, PCA, COLOURS, UNTRAINED)
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
