"""Dates and names in English and Japanese: right, disjoint, and held out as combinations."""

import datetime
import re

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import translation

WEEKDAYS = "月火水木金土日"


@pytest.fixture(scope="module")
def dates(data_dir):
    return data.load("translation/dates", data_dir)


@pytest.fixture(scope="module")
def names(data_dir):
    return data.load("translation/names", data_dir)


def texts(split, side="target"):
    return split.arrays()[f"{side}_text"].tolist()


def days(text):
    """The days of a Japanese text, each with its weekday's sign if it has one."""
    found = re.findall(r"(\d{4})[年/](\d+)[月/](\d+)日?(?:\((.)\)|(.)曜日)?", text)
    return [
        (datetime.date(int(year), int(month), int(day)), one or other) for year, month, day, one, other in found
    ]


def test_dates_are_what_they_say(dates):
    for split in (dates.train, dates.validation, dates.test):
        part = split.arrays()["part"]
        assert (np.bincount(part) > 0.9 * len(part) / (part.max() + 1)).all()
        for text, count in zip(texts(split)[:500], part[:500], strict=True):
            assert len(days(text)) == count + 1, text
            for day, weekday in days(text):
                assert weekday in ("", WEEKDAYS[day.weekday()]), text
    assert dates.about["parts"][:2] == ("1 date", "2 dates")
    assert dates.about["held_out"] == dates.about["parts"][dates.train.arrays()["part"].max() + 1 :]


def test_no_day_is_in_two_splits(dates):
    train, validation, test = (
        {day for text in texts(split) for day, _ in days(text)}
        for split in (dates.train, dates.validation, dates.test)
    )
    assert train and validation and test
    assert not train & validation and not train & test and not validation & test


def test_styles_in_both_languages():
    day = datetime.date(2026, 11, 26)
    assert translation.written(day, "full", "en") == "Thursday, November 26, 2026"
    assert translation.written(day, "full", "ja") == "2026年11月26日木曜日"
    assert translation.written(day, "short", "en") == "11/26/26"
    assert translation.written(day, "yMMMEd", "ja") == "2026年11月26日(木)"
    assert translation.written(day, "GyMMMd", "en") == "Nov 26, 2026 AD"


def test_a_date_has_one_translation(dates):
    """In each style, on days that differ in everything; "May" is a month and its short form."""
    found = {}
    for month in range(1, 13):
        for style in translation.STYLES + translation.SKELETONS:
            source, target = (
                translation.written(datetime.date(2026, month, 5), style, one) for one in ("en", "ja")
            )
            assert found.setdefault(source, target) == target
    assert found["May 5, 2026"] == "2026年5月5日"


def test_train_s_texts_are_in_the_narrower_buckets(dates):
    batch = dates.train.gather(np.arange(len(dates.train)))
    assert batch["source"].shape[1] <= dates.test.arrays()["source"].shape[1] // 2 + 1


def test_an_emoji_is_taken_apart():
    assert translation.combination("👩🏽\u200d🚒") == ("🧑\u200d🚒", "woman", ("🏽",))
    assert translation.combination("🧑\u200d🚒") == ("🧑\u200d🚒", "person", ())
    assert translation.combination("🏃🏿\u200d♂\ufe0f") == ("🏃", "man", ("🏿",))
    assert translation.combination("🐼") == ("🐼", "person", ())


def test_names_are_held_out_as_combinations(names):
    sources = [source for split in (names.train, names.validation, names.test) for source in texts(split, "source")]
    assert len(sources) == len(set(sources)) > 4500
    train, test = (set(texts(split, "source")) for split in (names.train, names.test))
    part = names.test.arrays()["part"]
    assert names.about["parts"] == tuple(translation.NAME_PARTS)
    assert not names.train.arrays()["part"].any()
    tones, persons = (
        [texts(names.test, "source")[row] for row in np.flatnonzero(part == place)] for place in (1, 2)
    )
    assert min(len(tones), len(persons)) > 100
    tone = re.compile(r" (medium-|light|dark|medium).*skin tone")
    for one in tones:  # the same in another tone, and this tone of something else, are in train
        stem = tone.sub("", one)
        assert tone.search(one) and any(tone.sub("", other) == stem for other in train if other not in test), one
    for one in persons:
        assert not {other for other in train if tone.sub("", other) == tone.sub("", one)}, one


def test_versions_are_said(dates, names):
    for dataset in (dates, names):
        assert dataset.about["cldr"] and dataset.about["emoji"]
