"""Domain adaptation: labels in the source alone, and a classifier that should work in the target.

    python -m experiments.representations.adaptation --replicas=5
    python -m experiments.representations.adaptation --source=domains/day --target=domains/night
    python -m experiments.representations.adaptation --source=digits --target=domains/photographs
    python -m experiments.representations.adaptation --source=folder:PATH@32 --target=folder:OTHER@32

Rivals of one network: DANN by gradient reversal in one turn (Ganin & Lempitsky 2015), and in two; moments of the
features brought together, CORAL as in its paper (Sun & Saenko 2016) and as two libraries have it, MMD under several
kernels (Long et al. 2015); the source alone, and AdaBN, the same network with the target's statistics (Li et al.
2016). One more is trained on the target's labels. Whatever adapts normalises each domain by its own statistics, in
training as in the test. No other sees a label of the target; so what to use is chosen by the source's error + ½
A-distance (`bound`, after Ben-David et al. 2010, theorem 2; a proxy, it bounds nothing), or by the
importance-weighted error of the source, both on validation; the picture `chosen` says what that was. Beside these
is what an oracle would choose by the target's labels; `cost` is what it has above the others.
Baselines: logistic regression on pixels, as they are, with aligned subspaces (Fernando et al. 2013), and with CORAL
(Sun et al. 2016).
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.domains import choices, measured, on_pixels
from deeplearn.baselines.embeddings import t_sne
from deeplearn.data import Dataset
from deeplearn.data.domains import apart
from deeplearn.figures.grid import image_grid, spread
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import bars, scatter
from deeplearn.figures.text import text_image
from deeplearn.losses.adaptation import aligned, confuse, reversed_gradient, supervised, tell_apart
from deeplearn.losses.alignment import coral, coral_with_means, multi_kernel_mmd
from deeplearn.models.adaptation import DomainAdaptation, with_statistics
from deeplearn.train.domains import DomainConfig

DANN, MMD, SOURCE, ADABN = "DANN", "MMD, five kernels", "source only", "AdaBN"
LABELLED = "trained on the target's labels"
CHOSEN = ("chosen by the bound", "chosen by the weighted error", "chosen by an oracle")
MOMENTS = {
    "mmd": (MMD, multi_kernel_mmd),
    "coral": ("CORAL, the paper's", coral),
    "coral_with_means": ("CORAL, libraries'", coral_with_means),
}


@dataclasses.dataclass(frozen=True)
class Config(DomainConfig):
    steps: int = 400
    batch_size: int = dl.flag(64, "examples of each domain in a batch", min=1)
    width: int = dl.flag(16, "channels of the first convolution", min=1)
    hidden: int = dl.flag(64, "features, and hidden units of the classifier of domains", min=1)
    dropout: float = dl.flag(0.5, "of the features that the classifier of labels sees", min=0, max=0.9)
    adversarial: float = dl.flag(1.0, "λ of DANN, which grows to this from 0", min=0)
    mmd: float = dl.flag(1.0, "the same of MMD", min=0)
    coral: float = dl.flag(100.0, "the same of CORAL in the paper's form, which divides by 4 d²", min=0)
    coral_with_means: float = dl.flag(10.0, "the same of CORAL in the libraries' form", min=0)

    PAPER = {"dataset": "domains:svhn_cropped,mnist", "steps": 20_000, "width": 32, "learning_rate": 0.01}
    TINY = {"width": 2, "hidden": 4}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    """Each system on the target's test, and what the rules would choose among those without its labels."""
    domains, rows = apart(dataset), {}
    for name, facts in trained.rivals.items():
        see = partial(trained[name], with_statistics)
        rows[facts["row"]] = measured(see, domains, of=facts["statistics"])
        if facts["row"] == SOURCE:
            rows[ADABN] = measured(see, domains, of="target")
    labelled = rows.pop(LABELLED)
    chosen = choices(rows)
    return {dl.OURS: rows.pop(DANN), **rows, LABELLED: labelled, **chosen}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return on_pixels(apart(dataset))


def figures(report: dl.Report) -> dict[str, Any]:
    domains = apart(report.dataset)

    def pictures() -> Any:
        sides = {f"{one.name}, {side}": one.test for side, one in domains._asdict().items()}
        shown = [split.gather(spread(len(split), 12))["image"] for split in sides.values()]
        count = min(map(len, shown))
        return image_grid(np.stack([one[:count] for one in shown]), row_labels=list(sides))

    def maps() -> Any:
        drawn = []
        for title, row in ((SOURCE, SOURCE), (ADABN, ADABN), (DANN, dl.OURS)):
            arrays = report.rows[row].arrays
            point = t_sne(np.concatenate(arrays["features"]))
            domain = np.repeat([0, 1], [len(one) for one in arrays["features"]])
            label = np.concatenate(arrays["label"])
            drawn.append(scatter(point, domain, ("", ""), f"{title}: source blue, target yellow"))
            drawn.append(scatter(point, label, report.dataset.classes, f"{title}, by class"))
        return panels([*drawn[::2], *drawn[1::2]], columns=3)

    return {
        "domains": pictures,
        "features": maps,
        "accuracy": lambda: bars(report.spread("accuracy", DANN), "accuracy on the target's test"),
        "chosen": lambda: text_image("\n".join(f"{row}: {report.rows[row].arrays['chosen']}" for row in CHOSEN)),
        "a_distance": lambda: bars(report.spread("a_distance", DANN), "A-distance of the features, 0 to 2"),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    domains = apart(dataset)
    domains.need_variety(config.batch_size)
    model = DomainAdaptation(len(dataset.classes), config.width, config.hidden, config.dropout)
    adversarial: dict[str, Any] = {"strength": config.adversarial, "steps": config.steps}
    turns = {
        "dann": [dl.Turn(partial(reversed_gradient, **adversarial))],
        "dann_in_two": [
            dl.Turn(tell_apart, trains=("domains",)),
            dl.Turn(partial(confuse, **adversarial), trains=("features", "labels")),
        ],
        "source": [dl.Turn(partial(supervised, of="source"))],
        "labelled": [dl.Turn(partial(supervised, of="labelled_target"))],
    }
    rows = {"dann": DANN, "dann_in_two": "DANN in two turns", "source": SOURCE, "labelled": LABELLED}
    for name, (row, distance) in MOMENTS.items():
        loss = partial(aligned, distance=distance, strength=getattr(config, name), steps=config.steps)
        turns[name], rows[name] = [dl.Turn(loss)], row
    data = domains.train
    rivals = {
        name: dl.Rival(
            model,
            [dl.Stage(each, config.chain(), config.steps, data=data)],
            facts={"row": rows[name], "statistics": "source" if name == "source" else "target"},
            row=rows[name],
        )
        for name, each in turns.items()
    }
    gains = {DANN: dl.OURS, **{row: row for row in (ADABN, *(row for row, _ in MOMENTS.values()), *CHOSEN[:2])}}
    claims = [dl.Claim(f"{name}: gain on {SOURCE}", row, SOURCE, "accuracy") for name, row in gains.items()]
    claims += [dl.Claim(f"{name}: gain on {ADABN}", gains[name], ADABN, "accuracy") for name in (DANN, MMD)]
    return dl.side_by_side(
        rivals, data=dataset, evaluate=evaluate, baselines=baselines, figures=figures, claims=claims
    )


if __name__ == "__main__":
    dl.launch(Config, build)
