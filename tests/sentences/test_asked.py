"""The nearest sentences of a text."""

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.sentences.asked import checked, nearest

from .toy import dataset, trained


def test_the_nearest_sentences_come_first_each_once():
    data = dataset()
    ids = data.vocabulary.ids("blue cat")
    lines = nearest(trained(data), data, ids).split("\n")
    assert len(lines) == 5 and lines[0] == f"{4 / np.sqrt(4 * 5):.3f}  blue cat sleeps"
    assert [line[7:] for line in lines].count("red cat") == 1
    assert [float(line[:5]) for line in lines] == sorted((float(line[:5]) for line in lines), reverse=True)


def test_what_cannot_be_asked():
    data = dataset()

    def check(text, longest=8):
        return checked(trained(data, longest=longest), data.vocabulary, data.vocabulary.ids(text), text)

    with pytest.raises(UserError, match="'red red red' has 3 words, and the encoder reads 2"):
        check("red red red", longest=2)
    with pytest.raises(UserError, match="the training data have no word of 'violet'"):
        check("violet")
    assert len(check("violet cat")) == 2
