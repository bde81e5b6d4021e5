"""TFDS's own data sets: prepared ones, a download from a server of this test, and every way to fail."""

import functools
import gzip
import http.server
import json
import shutil
import sys
import threading

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.image_classification import mnist

from deeplearn import data
from deeplearn.data import decode, foreign
from deeplearn.errors import UserError
from tests.data.test_split import same

EXAMPLES = 40


class TinyPictures(tfds.core.GeneratorBasedBuilder):
    """Like many of TFDS's sets: a train split only, with an id that is a text."""

    VERSION = tfds.core.Version("1.2.0")
    SHAPE = (6, 8, 3)

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=self.SHAPE),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            "height": tfds.features.Scalar(np.float64),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(EXAMPLES):
            image = Image.fromarray(np.full((6, 8, 3), number, np.uint8))
            yield number, {"id": f"n{number}", "image": image, "label": number % 2, "height": number / 2}


class TinyPhotographs(TinyPictures):
    SHAPE = (None, None, 3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("tfds")
    for builder in (TinyPictures, TinyPhotographs):
        builder(data_dir=path, file_format="array_record").download_and_prepare()
    return path


def test_a_prepared_set_gets_the_splits_it_lacks(directory):
    dataset = data.load("tiny_pictures", directory)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (32, 4, 4)
    assert (dataset.classes, dataset.levels) == (("cat", "dog"), 256)
    parts = [split.arrays() for split in (dataset.train, dataset.validation, dataset.test)]
    numbers = np.concatenate([part["height"] * 2 for part in parts])
    assert sorted(numbers) == list(range(EXAMPLES))
    for part in parts:
        assert set(part) == {"id", "image", "label", "height"}
        assert part["id"].tolist() == [f"n{number:g}" for number in part["height"] * 2]
        np.testing.assert_array_equal(part["image"][:, 5, 7, 2], (part["height"] * 2) / np.float32(255))
        np.testing.assert_array_equal(part["label"], part["height"] * 2 % 2)
    same(data.load("tiny_pictures", directory).test.arrays(), parts[2])  # from the decoded arrays


def test_records_on_disk_equal_arrays_in_memory(directory, monkeypatch):
    memory = data.load("tiny_pictures", directory)
    monkeypatch.setattr(decode, "MEMORY_BYTES", 0)
    monkeypatch.setattr("deeplearn.data.prepared._read", lambda *_: None)  # as if never decoded
    disk = data.load("tiny_pictures", directory)
    assert isinstance(memory.train, data.Arrays) and isinstance(disk.train, data.Records)
    assert memory.train.spec == disk.train.spec and set(disk.train.spec) == {"image", "label", "height"}
    assert memory.train.texts == disk.train.texts == ("id",)
    assert memory.fingerprint() == disk.fingerprint()
    for ours, theirs in ((memory.train, disk.train), (memory.test, disk.test)):
        same(ours.arrays(), theirs.arrays())
    same(data.Stream(memory.train, 5, seed=3).batches(5, 4), data.Stream(disk.train, 5, seed=3).batches(5, 4))


def test_pictures_of_many_sizes_need_a_side(directory):
    with pytest.raises(UserError, match="the images of tiny_photographs differ in size: say tiny_photographs@64"):
        data.load("tiny_photographs", directory)
    dataset = data.load("tiny_photographs@4", directory)
    assert dataset.train.spec["image"].shape == (4, 4, 3)
    part = dataset.train.arrays()
    np.testing.assert_array_equal(part["image"][:, 0, 0, 0], (part["height"] * 2) / np.float32(255))


def test_a_prepared_set_needs_no_code_of_its_own(directory, monkeypatch):
    monkeypatch.setattr(tfds, "list_builders", lambda **_: [])
    monkeypatch.setattr("deeplearn.data.prepared._read", lambda *_: None)
    assert len(data.load("tiny_pictures", directory).train) == 32


def test_tfrecord_is_refused(directory, tmp_path):
    path = tmp_path / "tiny_pictures" / "1.2.0"
    path.mkdir(parents=True)
    info = json.loads((directory / "tiny_pictures" / "1.2.0" / "dataset_info.json").read_text())
    (path / "dataset_info.json").write_text(json.dumps({**info, "fileFormat": "tfrecord"}))
    with pytest.raises(UserError, match="not prepared as array_record"):
        data.load("tiny_pictures", tmp_path)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "*.array_record*"])
def test_a_damaged_set_is_explained(directory, tmp_path, name):
    shutil.copytree(directory / "tiny_pictures", tmp_path / "tiny_pictures")
    (file,) = (tmp_path / "tiny_pictures" / "1.2.0").glob(name)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match=r"records of tiny_pictures in .* are damaged .*: remove .* tfds build"):
        data.load("tiny_pictures", tmp_path)
    assert file.exists()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """TFDS's own MNIST builder, downloading 300 + 50 random images from a server of this test."""
    rng = np.random.default_rng(0)
    files = tmp_path / "server"
    files.mkdir()
    images = {}
    for prefix, count in (("train", 300), ("t10k", 50)):
        images[prefix] = rng.integers(256, size=(count, 28, 28, 1), dtype=np.uint8)
        labels = rng.integers(10, size=count, dtype=np.uint8)
        for kind, header, body in (("images-idx3", 16, images[prefix]), ("labels-idx1", 8, labels)):
            with gzip.open(files / f"{prefix}-{kind}-ubyte.gz", "wb") as file:
                file.write(bytes(header) + body.tobytes())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(mnist.MNIST, "URL", url)
    monkeypatch.setattr(mnist.MNIST, "url_infos", {}, raising=False)
    monkeypatch.setattr(mnist, "_TRAIN_EXAMPLES", 300)
    monkeypatch.setattr(mnist, "_TEST_EXAMPLES", 50)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield images
    server.shutdown()
    server.server_close()


def test_mnist_is_prepared_without_tensorflow(small_mnist, tmp_path):
    dataset = data.load("mnist", tmp_path / "tfds")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (270, 30, 50)
    ours = dataset.test.arrays()["image"].reshape(50, -1)
    theirs = small_mnist["t10k"].reshape(50, -1) / np.float32(255)
    np.testing.assert_array_equal(sorted(map(tuple, ours)), sorted(map(tuple, theirs)))
    assert "tensorflow" not in sys.modules


def test_neither_prepared_nor_reachable(tmp_path, monkeypatch):
    # Nothing listens on port 1.
    monkeypatch.setattr(mnist.MNIST, "url_infos", {"http://127.0.0.1:1/a.gz": None}, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sentence = rf"mnist is not prepared in {tmp_path} and 127\.0\.0\.1 does not answer: prepare it .* or choose"
    with pytest.raises(UserError, match=sentence):
        data.load("mnist", tmp_path)


def test_a_host_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(foreign, "PATIENCE", 0.05)
    hung_up = threading.Event()

    def urlopen(*_, **__):
        hung_up.wait()
        raise OSError

    monkeypatch.setattr(foreign.urllib.request, "urlopen", urlopen)
    assert not foreign._answers("http://127.0.0.1/")
    hung_up.set()


def test_a_failed_preparation_is_explained(small_mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "_extract_mnist_images", lambda *_: 1 / 0)
    with pytest.raises(UserError, match=r"TFDS could not prepare mnist in .*division by zero.*tfds build mnist"):
        data.load("mnist", tmp_path / "tfds")


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("minst", "there is no data set named minst: did you mean mnist"),
        ("digit", "there is no data set named digit: did you mean digits"),
        ("qqqqqqqq", "there is no data set named qqqqqqqq: ours are .*digits, .*glyphs"),
        ("emnist/balance", "emnist has no variant 'balance': choose one of byclass, .*balanced"),
        ("fodler:/tmp", "'fodler:/tmp' is not a data set's name"),
        ("", "'' is not a data set's name"),
        ("mnist@0", "images of 0 pixels"),
    ],
)
def test_mistakes_are_explained(name, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        data.load(name, tmp_path)
