"""What the rules of adaptation chose is shown."""

from types import SimpleNamespace

import pytest

from deeplearn import train as dl
from experiments.representations import adaptation, adaptation_strength


def measured(accuracy, bound, weighted_error):
    metrics = {"accuracy": accuracy, "bound": bound, "weighted_error": weighted_error, "oracle_accuracy": accuracy}
    return dl.Measured(metrics)


def test_the_strength_that_each_rule_chose_is_a_number_of_its_row(monkeypatch):
    found = {0.0: measured(0.5, 0.1, 0.9), 0.3: measured(0.7, 0.2, 0.1), 3.0: measured(0.9, 0.3, 0.2)}
    monkeypatch.setattr(adaptation_strength, "apart", lambda dataset: dataset)
    monkeypatch.setattr(adaptation_strength, "measured", lambda see, domains, of: found[see.args[0]])
    monkeypatch.setattr(adaptation_strength, "partial", lambda strength, see: SimpleNamespace(args=(strength,)))

    class Trained(dict):
        rivals = {
            f"strength_{number}": {"row": adaptation_strength.row_of(strength), "strength": strength}
            for number, strength in enumerate(found)
        }

    rows = adaptation_strength.evaluate(Trained({f"strength_{n}": one for n, one in enumerate(found)}), None)
    chosen = (dl.OURS, "chosen by the weighted error", "chosen by an oracle")
    assert [rows[row].metrics["strength"] for row in chosen] == [0.0, 0.3, 3.0]
    assert rows[dl.OURS].metrics["cost"] == pytest.approx(0.4)


def test_a_picture_says_which_row_each_rule_chose(monkeypatch):
    drawn = []
    monkeypatch.setattr(adaptation, "text_image", drawn.append)
    monkeypatch.setattr(adaptation, "apart", lambda dataset: dataset)
    rows = adaptation.choices({"AdaBN": measured(0.5, 0.1, 0.9), "DANN": measured(0.7, 0.2, 0.1)})
    adaptation.figures(SimpleNamespace(rows=rows, dataset=None))["chosen"]()
    assert drawn[0].splitlines() == [
        "chosen by the bound: AdaBN",
        "chosen by the weighted error: DANN",
        "chosen by an oracle: DANN",
    ]
