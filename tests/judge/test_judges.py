"""The judge of a data set: trained once, saved, and trained again if it is damaged or the data differ."""

import dataclasses
import json
import threading

import jax
import numpy as np
import pytest
from scipy.special import softmax

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.judge import judge, judges, store
from tests.experiments.pretend import pretend
from tests.judge.sets import images


def files(directory):
    return sorted(path.name for path in directory.iterdir() if path.suffix in (".json", ".safetensors"))


def same(a, b, dataset):
    x = dataset.test.arrays()["image"]
    return all(np.array_equal(p, q) for p, q in zip(a(x), b(x), strict=True)) and a.facts["seed"] == b.facts["seed"]


def test_it_knows_the_classes_and_says_how_well(tmp_path):
    dataset = images(directory=tmp_path, train=120)
    found = judge(dataset)
    test = dataset.test.arrays()
    probabilities, features = found(test["image"])
    assert probabilities.shape == (24, 3) and features.shape == (24, 128)
    np.testing.assert_allclose(probabilities.sum(-1), 1)
    assert found.facts["accuracy"] == (probabilities.argmax(-1) == test["label"]).mean() > 0.9
    assert 0 <= found.facts["calibration_error"] < 0.5
    assert found.metrics == {
        "judge_accuracy": found.facts["accuracy"],
        "judge_calibration_error": found.facts["calibration_error"],
        "judge_temperature": found.temperature,
    }
    logits, _ = found.logits_and_features(judges.array_source(test["image"]), np.arange(24))
    np.testing.assert_allclose(probabilities, softmax(logits / found.temperature, axis=-1), rtol=1e-5)


def test_eight_bits_are_floats(tmp_path, trainings):
    dataset = images(directory=tmp_path)
    eight = (255 * dataset.test.arrays()["image"]).astype(np.uint8)
    found = judge(dataset)
    np.testing.assert_allclose(found(eight)[1], found(eight / 255)[1], rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match=r"\(24, 4, 8, 1\).*\(8, 8, 1\)"):
        found(eight[:, :4])


def test_it_is_trained_once_and_kept_beside_the_data(tmp_path, trainings):
    dataset = images(directory=tmp_path)
    first, second = judge(dataset), judge(dataset)
    assert len(trainings) == 1 and same(first, second, dataset)
    assert first.facts.items() <= second.facts.items() and first.temperature == second.temperature
    weights, facts = sorted(files(tmp_path / "judges"), reverse=True)
    assert weights.startswith("patterns-") and weights.removesuffix("safetensors") == facts.removesuffix("json")
    assert not (tmp_path / "cache").exists()


def test_other_data_another_seed_or_other_code_have_another_judge(tmp_path, trainings, monkeypatch):
    dataset = images(directory=tmp_path)
    judge(dataset)
    judge(dataset, seed=1)
    judge(images(directory=tmp_path, seed=1))
    judge(dataclasses.replace(dataset, name="npz:/some where/patterns.npz"))
    monkeypatch.setattr(store, "code_version", lambda: "another")
    judge(dataset)
    assert len(trainings) == 5 and len(files(tmp_path / "judges")) == 10


def test_without_a_directory_it_is_kept_in_the_user_s_cache(tmp_path, trainings):
    dataset = images()
    judge(dataset), judge(dataset)
    assert len(trainings) == 1 and len(files(tmp_path / "cache" / "deeplearn" / "judges")) == 2


def test_a_directory_that_cannot_be_written_is_passed_over(tmp_path, trainings):
    (tmp_path / "file").touch()
    dataset = images(directory=tmp_path / "file")  # below a file nothing can be made, not even by root
    judge(dataset), judge(dataset)
    assert len(trainings) == 1 and len(files(tmp_path / "cache" / "deeplearn" / "judges")) == 2


def test_where_nothing_can_be_written_it_is_trained_each_time(tmp_path, trainings, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    judge(images()), judge(images())
    assert len(trainings) == 2 and "trained at every start" in caplog.text


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone"])
def test_a_damaged_file_is_reported_and_trained_again(tmp_path, trainings, caplog, suffix, damage):
    dataset = images(directory=tmp_path)
    first = judge(dataset)
    (file,) = (tmp_path / "judges").glob(f"*.{suffix}")
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes({"cut": content[:middle], "changed": changed, "empty": b""}[damage])
    if (suffix, damage) == ("json", "changed"):
        file.write_text(json.dumps({**json.loads(content), "sha256": "0"}))
    second = judge(dataset)
    assert len(trainings) == 2 and same(first, second, dataset)
    assert (suffix, damage) == ("json", "gone") or "is damaged" in caplog.text
    judge(dataset)
    assert len(trainings) == 2


def test_two_that_want_it_at_once_train_it_once(tmp_path, trainings):
    dataset = images(directory=tmp_path)
    found = []
    threads = [threading.Thread(target=lambda: found.append(judge(dataset))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trainings) == 1 and same(*found, dataset)


def test_training_is_repeatable_and_starts_from_the_seed():
    dataset = images(train=8, test=3)
    weights = [jax.tree.leaves(judges.train(dataset, seed).variables) for seed in (0, 0, 1)]
    assert all(map(np.array_equal, weights[0], weights[1]))
    assert not all(map(np.array_equal, weights[0], weights[2]))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 3), (9, 33, 4), (40, 16, 3), (64, 64, 1)])
def test_images_of_any_size(tmp_path, trainings, shape):
    dataset = images(shape, directory=tmp_path, train=8, test=3)
    probabilities, features = judge(dataset)(dataset.test.arrays()["image"])
    assert probabilities.shape == (3, 3) and features.shape == (3, 128) and np.isfinite(features).all()


def test_of_one_class_it_is_always_sure(tmp_path):
    dataset = images(classes=1, directory=tmp_path)
    probabilities, features = judge(dataset)(dataset.test.arrays()["image"])
    np.testing.assert_array_equal(probabilities, 1)
    assert np.ptp(features, axis=0).max() > 0


def test_data_that_it_cannot_learn_end_in_a_sentence():
    with pytest.raises(UserError, match=r"no labelled images: samples are judged by .*, so choose a set"):
        judge(pretend("mixture/grid"))
    unlabelled = Arrays({"image": np.zeros((8, 4, 4, 1), np.float32)})
    with pytest.raises(UserError, match="no labelled images"):
        judge(Dataset("some", *[unlabelled] * 3))
    ids = Arrays({"image": np.zeros((8, 4, 4, 1), np.float32), "label": np.arange(8)})
    with pytest.raises(UserError, match="not classes"):
        judge(Dataset("some", *[ids] * 3))


def test_comments_do_not_change_the_code_s_version(monkeypatch):
    before, original = store.code_version(), store.inspect.getsource
    monkeypatch.setattr(store.inspect, "getsource", lambda module: original(module) + "# a comment\n")
    assert store.code_version() == before
    monkeypatch.setattr(store.inspect, "getsource", lambda module: original(module) + "MORE = 1\n")
    assert store.code_version() != before
