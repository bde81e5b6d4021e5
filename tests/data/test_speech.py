"""speech:DIR and the tables beside files; sets of sound of TFDS's form; digits by eSpeak NG."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy.io import wavfile

from deeplearn import data
from deeplearn.data import decode
from deeplearn.data.builders import espeak
from deeplearn.data.gfile import sound_without_tensorflow
from deeplearn.data.metadata import read_metadata
from deeplearn.data.sound import RATE, log_mel
from deeplearn.errors import UserError
from tests.data.test_split import same

RNG = np.random.default_rng(0)


def recorded(path, seconds=0.2, rate=RATE):
    samples = (2**14 * RNG.uniform(-1, 1, round(rate * seconds))).astype(np.int16)
    path.parent.mkdir(exist_ok=True)
    wavfile.write(path, rate, samples)
    return samples


@pytest.fixture
def folder(tmp_path):
    for number in range(10):
        recorded(tmp_path / f"{number}.wav", 0.1 + 0.02 * number, 8000 if number == 3 else RATE)
    lines = [f'{number}.wav,"a b{" c" * (number % 2)}"' for number in range(10)]
    (tmp_path / "metadata.csv").write_text("file_name,text\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_recordings_beside_a_table(folder):
    dataset = data.load(f"speech:{folder}")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [8, 1, 1]
    assert any("1 recordings of 8,000 Hz are resampled to 16,000 Hz" in note for note in dataset.notes)
    part = dataset.train.arrays()
    assert dataset.vocabulary.level == "character" and part["sound"].dtype == np.float32
    for text, tokens, length, sound, frames in zip(
        *(part[name] for name in ("text", "tokens", "length", "sound", "sound_length")), strict=True
    ):
        assert dataset.vocabulary.text(tokens[:length]) == text
        assert np.abs(sound[:frames]).min() > 0 and not sound[frames:].any()
    words = data.load(f"speech:{folder}@word")
    assert words.vocabulary.tokens[4:] == ("a", "b", "c")


def test_frames_are_those_of_the_file(folder):
    splits = ["train"] * 8 + ["validation", "test"]
    lines = [f"{number}.wav,a,{split}" for number, split in enumerate(splits)]
    (folder / "metadata.csv").write_text("file_name,text,split\n" + "\n".join(lines))
    dataset = data.load(f"speech:{folder}")
    part = dataset.test.arrays()
    _, samples = wavfile.read(folder / "9.wav")
    true = log_mel(samples / 2**15)
    assert part["sound_length"].tolist() == [len(true)]
    np.testing.assert_allclose(part["sound"][0, : len(true)], true, atol=5e-3)  # kept in half precision


def test_json_lines_and_splits_give_the_same_rows(folder):
    table = read_metadata(folder)
    (folder / "metadata.csv").unlink()
    objects = [{"file_name": row.file.name, "transcription": row.text, "split": "dev"} for row in table]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, objects)))
    rows = read_metadata(folder)
    assert [(row.file, row.text) for row in rows] == [(row.file, row.text) for row in table]
    assert {row.split for row in rows} == {"validation"}
    assert (rows[0].line, table[0].line) == (1, 2)


def test_a_table_in_each_split(folder):
    (folder / "metadata.csv").unlink()
    for split in ("train", "test"):
        recorded(folder / split / "x.wav")
        recorded(folder / split / "y.wav")
        (folder / split / "metadata.csv").write_text("file_name,text\nx.wav,a\ny.wav,b\n")
    dataset = data.load(f"speech:{folder}")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1, 1, 2)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("file_name,text\n", "there is nothing below line 1 of .*metadata.csv"),
        ("name,words\n0.wav,a\n", "line 1 of .*metadata.csv names no column file_name"),
        ("file_name,words\n0.wav,a\n", "line 1 of .*metadata.csv names no column text"),
        ("file_name,text\n0.wav,a\n1.wav,\n", "line 3 of .*metadata.csv has no text"),
        ("file_name,text\n0.wav,a\nnone.wav,b\n", "line 3 of .*metadata.csv: there is no file .*none.wav"),
        (
            "file_name,text\n0.wav,a\n0.wav,b\n",
            "line 3 of .*metadata.csv names 0.wav, as line 2 of .* does: keep one",
        ),
        ("file_name,text\n0.wav,a,b\n", r"line 2 of .*metadata.csv has 3 value\(s\) and line 1 names 2"),
        ("file_name,text,split\n0.wav,a,summer\n", "line 2 of .*metadata.csv names the split summer"),
        ("file_name,text\nmetadata.csv,a\n", "line 2 of .*metadata.csv: .*metadata.csv is not a WAV file"),
        ("file_name,text\n0.wav,a\n", "only 1 examples to be cut"),
        (b"file_name,text\n0.wav,\xe4\n", "line 2 of .*metadata.csv is not UTF-8"),
    ],
)
def test_mistakes_in_a_table_name_the_line(folder, table, sentence):
    (folder / "metadata.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(UserError, match=sentence):
        data.load(f"speech:{folder}")


def test_mistakes_beside_the_table(folder, tmp_path):
    (folder / "metadata.jsonl").write_text("[]")
    with pytest.raises(UserError, match=r"has both metadata.csv and metadata.jsonl"):
        data.load(f"speech:{folder}")
    (folder / "metadata.csv").unlink()
    with pytest.raises(UserError, match=r"line 1 of .*metadata.jsonl is no JSON object \(\[\]\)"):
        data.load(f"speech:{folder}")
    (folder / "metadata.jsonl").unlink()
    with pytest.raises(UserError, match=r"there is no metadata.csv or metadata.jsonl in"):
        data.load(f"speech:{folder}")
    with pytest.raises(UserError, match=r"check the path after speech:"):
        data.load(f"speech:{folder}/nowhere")


class TinyCommands(tfds.core.GeneratorBasedBuilder):
    """The form of TFDS's speech_commands: sound of any length with a label; and a sequence of numbers."""

    VERSION = tfds.core.Version("0.0.3")

    def _info(self):
        features = {
            "audio": tfds.features.Audio(file_format="wav", sample_rate=16_000, dtype=np.int16),
            "label": tfds.features.ClassLabel(names=["down", "go", "_silence_"]),
            "marks": tfds.features.Tensor(shape=(None,), dtype=np.int64),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        sizes = {"train": 12, "validation": 3, "test": 3}
        return {name: self._generate_examples(size) for name, size in sizes.items()}

    def _generate_examples(self, size):
        for number in range(size):
            samples = np.full(300 + 800 * number, 1000, np.int16) * np.array([1, -1], np.int16)[number % 2]
            yield number, {"audio": samples, "label": number % 3, "marks": list(range(number))}


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    path = tmp_path_factory.mktemp("tfds")
    sound_without_tensorflow()
    with pytest.MonkeyPatch.context() as patch:  # what writes asks TensorFlow for its type
        patch.setattr(tfds.features.Audio, "dtype", property(lambda feature: feature.np_dtype))
        TinyCommands(data_dir=path, file_format="array_record").download_and_prepare()
    return path


def test_labelled_sound_of_tfds_loads_by_its_name(commands, monkeypatch):
    dataset = data.load("tiny_commands", commands)
    assert dataset.classes == ("down", "go", "_silence_") and dataset.vocabulary.level == "word"
    part = dataset.train.arrays()
    order = np.argsort(part["sound_length"], kind="stable")
    counts = [max(1, 1 + (300 + 800 * number - 400) // 160) for number in range(12)]
    assert part["sound_length"][order].tolist() == counts
    assert sorted(part["marks_length"].tolist()) == list(range(12))
    for row in range(12):
        assert part["marks"][row, : part["marks_length"][row]].tolist() == list(range(part["marks_length"][row]))
        assert part["text"][row] == dataset.classes[part["label"][row]]
        assert dataset.vocabulary.text(part["tokens"][row, :1]) == part["text"][row]
    same(data.load("tiny_commands", commands).train.arrays(), part)  # from the decoded arrays
    assert data.load("tiny_commands@character", commands).vocabulary.level == "character"


def test_sound_that_memory_cannot_hold_is_refused(commands, tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MEMORY_BYTES", 0)
    monkeypatch.setattr("deeplearn.data.prepared._read", lambda *_: None)
    with pytest.raises(UserError, match="the sound of tiny_commands does not fit into memory"):
        data.load("tiny_commands", commands)


def test_digits_need_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"pip install 'deeplearn\[speech\]' \(it is under the GPL\)"):
        data.load("speech/digits", tmp_path)


def test_digits_are_spoken_alike_each_time_in_voices_that_no_split_shares(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader")
    from deeplearn.data.builders import speech

    monkeypatch.setattr(speech, "SIZES", {"train": 12, "validation": 18, "test": 20})
    dataset = data.load("speech/digits", tmp_path)
    splits = {name: getattr(dataset, name).arrays() for name in ("train", "validation", "test")}
    voices = {name: {voice.split("+")[1] for voice in one["voice"]} for name, one in splits.items()}
    assert voices["validation"] == set(speech.VALIDATION) and voices["test"] == set(speech.TEST)
    assert not voices["train"] & (voices["validation"] | voices["test"])
    for one in splits.values():
        assert {word for text in one["text"] for word in text.split()} <= set(speech.DIGITS)
        words = np.array([len(text.split()) for text in one["text"]])
        assert words.min() >= 1 and words.max() <= 7
        assert np.corrcoef(words, one["sound_length"])[0, 1] > 0.6  # more digits take longer
    said = speech.sentences(speech.TEST, 20, seed=2)
    for number, (sentence, samples) in enumerate(zip(said, espeak.spoken(said), strict=True)):
        sound = speech.recorded(sentence, samples, number)
        assert splits["test"]["text"][number] == sentence["text"]
        np.testing.assert_array_equal(splits["test"]["sound"][number, : len(sound)], sound)


def test_what_the_library_refuses_is_said():
    pytest.importorskip("espeakng_loader")
    sentence = {"text": "one", "voice": "nobody's", "speed": 150, "pitch": 50}
    with pytest.raises(UserError, match=r"eSpeak NG failed \(nobody's cannot say 'one' \(error"):
        list(espeak.spoken([sentence]))
