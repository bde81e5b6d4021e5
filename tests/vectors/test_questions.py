"""Files of analogies and of judged pairs, in their published forms."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from deeplearn.errors import UserError
from deeplearn.vectors import Vectors
from deeplearn.vectors.questions import name_of, of_analogies, of_judged, read_analogies, read_judged

VECTORS = Vectors(("king", "queen", "man", "woman"), np.array([[1, 1, 2], [1, -1, 2], [0, 1, 2], [0, -1, 2]], "f4"))


def test_analogies(tmp_path):
    file = tmp_path / "questions-words.txt"
    file.write_text(": family\nMan Woman King Queen\n\n: other\nman woman king paris\n")
    found = read_analogies(str(file))
    assert found == [("family", "Man", "Woman", "King", "Queen"), ("other", "man", "woman", "king", "paris")]
    assert of_analogies(VECTORS, found) == {"answered": 0.5, "analogies": 1.0, "analogies_mul": 1.0}
    assert of_analogies(VECTORS, found[1:]) == {"answered": 0.0}
    for text, said in (("a b c\n", "line 1 of .*four words"), (": only\n", "has no analogy")):
        file.write_text(text)
        with pytest.raises(UserError, match=said):
            read_analogies(str(file))


FORMS = {
    "# WordSim\nking\tqueen\t8.5\nman\twoman\t8\nking\tman\t3\n": [8.5, 8, 3],
    "Word 1,Word 2,Human (mean)\nking,queen,8.5\nman,woman,8\n": [8.5, 8],
    "word1\tword2\tPOS\tSimLex999\tconc(w1)\nking\tqueen\tN\t6.1\t4.9\nman\twoman\tN\t3\t5\n": [6.1, 3],
    "king queen 1\nman woman .5\n": [1, 0.5],
}


@pytest.mark.parametrize("text", FORMS)
def test_judged_pairs(tmp_path, text):
    (tmp_path / "pairs.tsv").write_text(text)
    found = read_judged(str(tmp_path / "pairs.tsv"))
    assert [score for *_, score in found] == FORMS[text] and found[0][:2] == ("king", "queen")


def test_agreement_with_people():
    judged = [("king", "queen", 9.0), ("Man", "woman", 7.0), ("king", "man", 8.0), ("king", "boat", 1.0)]
    metrics = of_judged(VECTORS, judged)
    assert metrics["judged"] == 0.75
    cosines = [
        VECTORS[a] @ VECTORS[b] / np.linalg.norm(VECTORS[a]) / np.linalg.norm(VECTORS[b]) for a, b, _ in judged[:3]
    ]
    assert metrics["similarity"] == pytest.approx(spearmanr(cosines, [9, 7, 8]).statistic)
    assert of_judged(VECTORS, judged[3:]) == {"judged": 0.0}
    assert name_of("/some/WordSim-353.tsv") == "wordsim_353"


@pytest.mark.parametrize(
    ("text", "said"),
    [("king queen\na b 1\nc d 2\n", "line 1"), ("a b x\nc d 2\ne f\n", "line 3"), ("a b 1\n", "has 1 judged")],
)
def test_malformed_pairs_are_one_sentence(tmp_path, text, said):
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(UserError, match=said):
        read_judged(str(tmp_path / "pairs.txt"))
