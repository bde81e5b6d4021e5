"""What vectors of pictures and captions are good for: retrieval both ways, classification without a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deeplearn.baselines.pca import fitted_pca
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced, joined
from deeplearn.judge.combinations import PARTS, has_parts
from deeplearn.measured import Measured
from deeplearn.metrics.closeness import unit
from deeplearn.metrics.ranking import found_among, ranked_before
from deeplearn.nn.functional import flat
from deeplearn.text_to_image.captions import texts_of

LIMIT = 4000  # examples of a split that are searched, or that a probe is fitted to
SAMPLE = 100  # pictures among which one is searched, besides all
KEPT = 6  # pictures found that figures show
COMPONENTS = 128  # of pixels, that a probe reads
WIDTHS = (0.3, 1.0, 3.0)  # γ of a Gaussian kernel, times twice the median squared distance of two pictures

Rows = Mapping[str, np.ndarray]
Encode = Callable[[Rows], np.ndarray]  # rows -> vectors [N, D]


def splits_of(dataset: Dataset) -> dict[str, Rows]:
    """At most LIMIT rows of each split, evenly spaced, with `name`: one number for pictures that are the same.

    These are of one `label`, where there are any, or else of one caption.
    """
    found = {split: evenly_spaced(getattr(dataset, split), LIMIT) for split in ("train", "validation", "test")}
    each = [rows["label"] if "label" in rows else np.array(texts_of(rows, dataset)) for rows in found.values()]
    numbers = np.split(
        np.unique(np.concatenate(each), return_inverse=True)[1], np.cumsum([len(x) for x in each])[:-1]
    )
    return {split: {**rows, "name": number} for (split, rows), number in zip(found.items(), numbers, strict=True)}


def ways_of(rows: Rows, dataset: Dataset) -> dict[str, np.ndarray]:
    """{"": all rows, "_tone": those whose tone of skin is new, …}, bool [N], as the data set has them held out."""
    found = {"": np.ones(len(rows["length"]), bool)}
    for number, way in enumerate(dataset.about.get("held out", ())):
        if way and (of := rows["held_out"] == number).any():
            found[f"_{way}"] = of
    return found


def retrieval(images: Encode, texts: Encode, dataset: Dataset, split: str = "test") -> Measured:
    """Of the captions and pictures of a split, how often one finds the other by the cosine of their vectors.

    Metrics, each also for each way of being new, as in image_at_1_tone:
        image_at_1, image_at_5: whether the picture is the first, or among the first five, of all pictures there
            are, training's among them, each once; image_at_1_of_100: of 100 of them, its expectation.
        text_at_1: whether one of the picture's captions is the first of all captions there are.
    Arrays: `nearest` [N, KEPT], numbers of the pictures found first, in `pictures`, and `right` [N, KEPT].
    """
    splits = splits_of(dataset)
    every = joined([{key: rows[key] for key in ("image", "tokens", "length", "name")} for rows in splits.values()])
    _, first = np.unique(every["name"], return_index=True)
    gallery = {key: column[first] for key, column in every.items()}
    # Captions that differ in unknown words alone have the same tokens, and are others all the same.
    _, once = np.unique(np.column_stack([every["tokens"], every["name"]]), axis=0, return_index=True)
    captions = {key: column[once] for key, column in every.items() if key != "image"}
    asked = splits[split]
    scores = unit(texts(asked)) @ unit(images(gallery)).T
    right = asked["name"][:, None] == gallery["name"]
    before, others = ranked_before(right, scores), (~right).sum(1)
    backwards = unit(images(asked)) @ unit(texts(captions)).T
    found = {
        "image_at_1": before < 1,
        "image_at_5": before < 5,
        "image_at_1_of_100": found_among(SAMPLE, 1, before, others),
        "text_at_1": ranked_before(asked["name"][:, None] == captions["name"], backwards) < 1,
    }
    ways = ways_of(asked, dataset)
    metrics = {f"{name}{way}": float(each[of].mean()) for way, of in ways.items() for name, each in found.items()}
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :KEPT]
    arrays = {"nearest": nearest, "right": np.take_along_axis(right, nearest, 1), "pictures": gallery["image"]}
    return Measured(metrics, arrays)


def zero_shot(images: Encode, texts: Encode, dataset: Dataset, part: str) -> float:
    """How often the nearest of the parts' prompts is a test picture's part: no picture's label was learnt from.

    A value's prompt is the mean of the vectors of all training captions that have it, as the paper averages eighty
    templates of each class (Radford et al. 2021, section 3.1.4).
    """
    rows, test = evenly_spaced(dataset.train, LIMIT), dataset.test.arrays(LIMIT)
    values, vectors = rows[part], unit(texts(rows))
    names = np.unique(values)
    prompts = unit(np.stack([vectors[values == name].mean(0) for name in names]))
    # The mean of all prompts says only what every caption says.
    nearest = (unit(images(test)) @ (prompts - prompts.mean(0)).T).argmax(1)
    return float((names[nearest] == test[part]).mean())


def classified(images: Encode, texts: Encode | None, dataset: Dataset) -> dict[str, float]:
    """Of test pictures with parts: the accuracy of each part by prompts, and by a linear probe of the vectors.

    As zero_shot_tone and probe_tone. Without `texts` only the probe's.
    """
    if not has_parts(dataset):
        return {}
    train, test, metrics = evenly_spaced(dataset.train, LIMIT), dataset.test.arrays(LIMIT), {}
    vectors, of_test = images(train), images(test)
    for part in PARTS:
        if texts is not None:
            metrics[f"zero_shot_{part}"] = zero_shot(images, texts, dataset, part)
        metrics[f"probe_{part}"] = linear_probe(vectors, train[part], of_test, test[part])
    return metrics


def clip_baselines(dataset: Dataset) -> dict[str, Callable[[], Measured]]:
    """{row: thunk}: what can be had without a network.

    "kernel ridge, pixels to words": a Gaussian kernel's regression from a picture to which words its caption has,
        whose cosine with a caption's words finds one by the other; the kernel's width is chosen on validation.
    "principal components": the linear probe alone, of the pixels' first 128.
    """

    def kernel_ridge() -> Measured:
        from sklearn.kernel_ridge import KernelRidge

        train, words = evenly_spaced(dataset.train, LIMIT), len(dataset.vocabulary or ())

        def has_words(rows: Rows) -> np.ndarray:
            inside = np.arange(rows["tokens"].shape[1]) < rows["length"][:, None]
            found = np.zeros((len(inside), words), np.float32)
            found[np.nonzero(inside)[0], rows["tokens"][inside]] = 1
            return found

        pixels, wanted = flat(train["image"]), has_words(train)
        mean = wanted.mean(0)
        median = np.median(np.square(pixels[::7, None] - pixels[None, ::41]).sum(-1))
        best: tuple[float, Measured] | None = None
        for width in WIDTHS:
            model = KernelRidge(kernel="rbf", gamma=width / (2 * median), alpha=1e-2).fit(pixels, wanted - mean)
            both = (
                lambda rows, model=model: model.predict(flat(rows["image"])),
                lambda rows: has_words(rows) - mean,
            )
            score = retrieval(*both, dataset, "validation").metrics["image_at_1"]
            if best is None or score > best[0]:
                best = score, retrieval(*both, dataset)
        assert best is not None
        return best[1]

    def components() -> Measured:
        model = fitted_pca(flat(evenly_spaced(dataset.train, LIMIT)["image"]), COMPONENTS)
        return Measured(classified(lambda rows: model.transform(flat(rows["image"])), None, dataset))

    rows = {"kernel ridge, pixels to words": kernel_ridge}
    return rows | ({"principal components": components} if has_parts(dataset) else {})


def caption_found(images: Encode, texts: Encode, rows: Rows) -> float:
    """How often a picture's own caption has the greatest cosine among 100 of the rows' captions, in expectation.

    Captions that are the same words are one. rows: columns image, tokens and length.
    """
    _, once, number = np.unique(rows["tokens"], axis=0, return_index=True, return_inverse=True)
    captions = {key: rows[key][once] for key in ("tokens", "length")}
    right = number[:, None] == np.arange(len(once))
    before = ranked_before(right, unit(images(rows)) @ unit(texts(captions)).T)
    return float(found_among(SAMPLE, 1, before, (~right).sum(1)).mean())
