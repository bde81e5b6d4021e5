"""python -m deeplearn.embed: vectors of lines, the nearest to a sentence, one sentence for a mistake."""

import re
import shutil

import numpy as np
import pytest

from deeplearn.embed.__main__ import main
from deeplearn.errors import UserError
from tests.weights.text_encoders import CLOSE, FOLDERS, golden

FOLDER = FOLDERS / "minilm"
TEXTS = golden("minilm")[2]["texts"].tolist()


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\ufeff" + "\r\n".join([TEXTS[0], "", *TEXTS[1:], ""]), encoding="utf-8")
    return file


def run(capsys, *arguments):
    capsys.readouterr()
    main([f"--weights={FOLDER}", *map(str, arguments)])
    return capsys.readouterr()


def test_vectors_are_kept_and_searched(texts, tmp_path, capsys):
    out = tmp_path / "vectors.npz"
    said = run(capsys, f"--texts={texts}", f"--out={out}", "--batch_size=2")
    assert said.out == f"{out}: 4 vectors of 8, bert, pooled by mean\n"
    assert "note: 1 empty lines" in said.err
    with np.load(out) as arrays:
        np.testing.assert_allclose(arrays["vectors"], golden("minilm")[2]["vectors"], atol=CLOSE)
        assert bytes(arrays["texts"]).decode().split("\n") == TEXTS
    kept = run(capsys, f"--vectors={out}", f"--nearest={TEXTS[2]}", "--count=2").out
    assert kept.splitlines()[0] == f"  1.000  {TEXTS[2]}"
    assert len(kept.splitlines()) == 2
    assert run(capsys, f"--texts={texts}", f"--nearest={TEXTS[2]}", "--count=2").out == kept


def test_vectors_of_another_folder_or_pooling_are_refused(texts, tmp_path, capsys):
    out = tmp_path / "vectors.npz"
    run(capsys, f"--texts={texts}", f"--out={out}", "--pool=cls")
    with pytest.raises(UserError, match="were pooled by cls, not by mean: leave out --pool"):
        run(capsys, f"--vectors={out}", "--nearest=a", "--pool=mean")
    other = shutil.copytree(FOLDER, tmp_path / "other")
    (other / "sentence_bert_config.json").write_text("{}")
    with pytest.raises(UserError, match="were made with other weights than those of"):
        main([f"--weights={other}", f"--vectors={out}", "--nearest=a"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "one of the arguments --texts --vectors is required"),
        (["--texts=TEXTS"], "nothing is asked: give --out=FILE.npz, --nearest=SENTENCE, or both"),
        (["--texts=TEXTS", "--vectors=x.npz", "--nearest=a"], "not allowed with argument"),
        (["--vectors=x.npz", "--out=y.npz"], "--vectors has its vectors already"),
        (["--texts=TEXTS", "--out=vectors.csv"], "--out=vectors.csv should end in .npz"),
        (["--texts=TEXTS", "--out=/absent/vectors.npz"], "lie in a directory that exists"),
        (["--texts=TEXTS", "--nearest= "], "--nearest is empty"),
        (["--texts=TEXTS", "--nearest=a", "--count=0"], "--count=0 should be at least 1"),
        (["--texts=TEXTS", "--nearest=a", "--batch_size=0"], "--batch_size=0 should be at least 1"),
        (["--texts=TEXTS", "--nearest=a", "--pool=max"], "invalid choice: 'max'"),
        (["--texts=absent", "--nearest=a"], "cannot read --texts=absent (No such file"),
        (["--texts=.", "--nearest=a"], "cannot read --texts=. (it is not a file)"),
        (["--texts=EMPTY", "--nearest=a"], "has no text in it"),
        (["--texts=BYTES", "--nearest=a"], "cannot read --texts="),
    ],
)
def test_a_mistake_is_one_sentence(texts, tmp_path, capsys, arguments, says):
    (tmp_path / "EMPTY").write_text("\n \n")
    (tmp_path / "BYTES").write_bytes(b"\xff\xfe\xff")
    given = [one.replace("=TEXTS", f"={texts}") for one in arguments]
    given = [re.sub("=(EMPTY|BYTES)", rf"={tmp_path}/\1", one) for one in given]
    with pytest.raises(UserError, match=re.escape(says)):
        run(capsys, *given)
