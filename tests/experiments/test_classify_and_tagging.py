"""The pages on texts with a class or with tags: on the user's files and a TFDS set, and what they answer."""

import dataclasses

import numpy as np
import pytest
import tensorflow_datasets as tfds

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.runs.__main__ import ask
from deeplearn.runs.run import open_run
from deeplearn.train.flags import parse
from deeplearn.train.loop import run
from experiments.sequences import classify, tagging

GOOD, BAD = ("love this great film", "a wonderful happy end"), ("hate this awful film", "a terrible sad end")
# Who works where: "works" tells that a name comes before it, which a forward tagger does not know in time.
PEOPLE, PLACES = ("Ada", "Bob", "Cleo"), ("Rome", "Oslo", "Kyiv")


@pytest.fixture(autouse=True)
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def small(page, *flags, **sizes):
    config = parse(page.Config, ["--batch_size=8", "--log_every=10", *flags])
    return dataclasses.replace(config, **{**page.Config.TINY, **sizes})


def finished(page, name, *flags, **sizes):
    config = small(page, "--workdir=run", *flags, **sizes)
    return run(name, page.build, config)


def reviews():
    rows = [(f"{text} {n}", "positive") for n in range(20) for text in GOOD]
    return rows + [(f"{text} {n}", "negative") for n in range(20) for text in BAD]


def test_a_csv_of_one_s_own_is_classified_beside_vader(tmp_path):
    lines = "".join(f"{text},{label}\n" for text, label in reviews())
    (tmp_path / "own.csv").write_text("text,label\n" + lines)
    results = finished(
        classify,
        "experiments.sequences.classify",
        "--dataset=csv:own.csv@word",
        "--steps=40",
        ngrams=(2,),
        layers=0,
        embedding=8,
        learning_rate=0.03,
        longest=6,
    )
    assert results["metrics"]["accuracy"]["mean"] == 1
    assert results["left_out"] == {}
    for row in ("VADER", "logistic regression on n-grams", "naive Bayes on n-grams"):
        assert results["baselines"][row]["accuracy"] == 1
    (tmp_path / "own.csv").unlink()  # the run stands alone
    trained = open_run(tmp_path / "run")
    assert ask(trained, "what a wonderful great love", 0).startswith("positive 0.9")
    (tmp_path / "asked.txt").write_text("an awful terrible film\n\na great happy end\n")
    first, second = ask(trained, "asked.txt", 0).split("\n")
    assert first.startswith("negative ") and second.startswith("positive ")
    with pytest.raises(UserError, match="empty"):
        ask(trained, " ", 0)


class ImdbLike(tfds.core.GeneratorBasedBuilder):
    """With the columns, classes and splits of TFDS's imdb_reviews."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        label = tfds.features.ClassLabel(names=["neg", "pos"])
        features = tfds.features.FeaturesDict({"text": tfds.features.Text(), "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples() for split in ("train", "test")} | {
            "unsupervised": self._generate_examples(-1)
        }

    def _generate_examples(self, label=None):
        for number, (text, name) in enumerate(reviews()):
            yield number, {"text": f"{text}!<br />", "label": label or int(name == "positive")}


def test_a_set_of_imdb_s_form_is_classified_by_its_tfds_name(tmp_path):
    ImdbLike(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    dataset = data.load("imdb_like@word", tmp_path)
    config = small(classify, "--dataset=imdb_like@word")
    experiment = classify.build(config, dataset)
    rows = classify.baselines(None, dataset)
    assert rows["VADER"]().metrics["accuracy"] == 1 and len(dataset.classes) == 2
    assert experiment.model.classes == 2


def test_vader_is_left_out_where_it_knows_the_answers_and_where_classes_are_none_of_its(data_dir):
    words = data.load("sentiment/words", data_dir)
    with pytest.raises(UserError, match="own lexicon"):
        classify.baselines(None, words)["VADER"]()
    assert "VADER" not in classify.baselines(None, data.load("names/languages", data_dir))


def sentences():
    rng = np.random.default_rng(0)
    for _ in range(120):
        who, where = rng.choice(PEOPLE), rng.choice(PLACES)
        verb = rng.choice(["works", "lies"])
        if verb == "works":
            yield f"{who}\tB-PER\nworks\tO\nin\tO\nNew\tB-LOC\n{where}\tI-LOC\n\n"
        else:  # the same words may be a place
            yield f"{who}\tB-LOC\nlies\tO\nnear\tO\n{where}\tB-LOC\n\n"


def test_entities_in_sentences_of_one_s_own(tmp_path):
    (tmp_path / "own.conll").write_text("".join(sentences()))
    sizes = {"embedding": 8, "features": 8, "unknown": 0.05, "learning_rate": 0.03}
    results = finished(tagging, "experiments.sequences.tagging", "--dataset=conll:own.conll", "--steps=80", **sizes)
    assert results["left_out"] == {}
    ours, forward = results["metrics"], results["baselines"][tagging.FORWARD]
    # Whether the first word is a person or a place is seen two words later.
    assert ours["span_f1"]["mean"] == 1 and ours["span_f1 of PER"]["mean"] == 1
    assert forward["span_f1"]["mean"] < 0.9
    assert results["baselines"]["n-grams on both sides"]["span_f1"] == 1
    assert results["baselines"]["n-grams to the left"]["span_f1"] < 0.9
    (tmp_path / "own.conll").unlink()
    answer = ask(open_run(tmp_path / "run"), "Bob works in New Oslo", 0)
    assert answer == "Bob\tB-PER\nworks\tO\nin\tO\nNew\tB-LOC\nOslo\tI-LOC"
    assert ask(open_run(tmp_path / "run"), "Zoe works", 0).startswith("Zoe\t")  # a word never seen


def test_pages_refuse_data_of_another_form_in_a_sentence(data_dir):
    digits = data.load("digits", data_dir)
    for page in (classify, tagging):
        with pytest.raises(UserError, match="--dataset=digits has no"):
            page.build(small(page), digits)
