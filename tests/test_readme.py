"""README quotes the committed results, and nothing else."""

import json

import pytest

from results.tables import README, file, line, manifest, number, result, table, with_tables


def test_the_tables_are_those_of_the_results():
    text = README.read_text()
    assert with_tables(text) == text, "README's tables differ from results/: run python -m results"


def test_a_changed_result_is_seen(monkeypatch):
    (entry,) = [entry for entry in manifest()["foundations"] if entry["result"] == "foundations.mlp"]
    changed = json.loads(json.dumps(result(entry)))
    changed["metrics"]["accuracy"]["mean"] -= 0.01
    before = line(entry)
    monkeypatch.setattr("results.tables.result", lambda entry: changed)
    assert line(entry) != before


@pytest.mark.parametrize(
    "entry", [e for entries in manifest().values() for e in entries], ids=lambda e: e["result"]
)
def test_each_result_says_what_it_takes_to_make_it_again(entry):
    found = result(entry)
    if entry.get("earlier"):
        return
    assert found["experiment"] == entry["result"].split()[0]
    assert found["command"].split()[3:] == entry["flags"].split()
    assert found["commit"] and found["versions"]["jax"] and found["device"] and found["seconds"] > 0
    assert file(entry).stat().st_size < 100_000


def test_numbers_have_as_many_digits_as_their_error_says():
    assert number({"mean": 0.98517, "stderr": 0.00104}) == "0.9852 ± 0.0010"
    assert number({"mean": 0.98517, "stderr": 0.0062}) == "0.985 ± 0.006"
    assert number({"mean": 16.3412, "stderr": 0.0231}) == "16.341 ± 0.023"
    assert number({"mean": 25.0, "stderr": 0.0}) == "25.0 ± 0"
    assert number(0.984) == "0.984" and number(0) == "0" and number(17.613) == "17.6"


def test_a_readme_without_a_place_is_refused():
    with pytest.raises(ValueError, match="no place for the results of make train"):
        with_tables("# deeplearn")
    assert table("foundations").startswith("| experiment |")
