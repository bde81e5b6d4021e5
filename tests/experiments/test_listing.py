"""The list of all experiments, made without importing any of them."""

import subprocess
import sys

import pytest

import experiments
from experiments.__main__ import listing


@pytest.fixture(name="package")
def a_package_of_experiments(tmp_path, monkeypatch):
    """A folder that stands in for `experiments`, and a function that writes one."""
    root = tmp_path / "experiments"
    root.mkdir()
    monkeypatch.setattr(experiments, "__path__", [str(root)])

    def write(name, text):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)

    return write


def test_an_experiment_that_is_added_is_listed_by_its_first_line(package):
    package("here/one.py", '"""What it does.\n\nMore of it.\n"""\nraise RuntimeError("imported")\n')
    package("there/two.py", '"""Another."""\n')
    package("__main__.py", '"""No experiment."""\n')
    assert listing() == {"experiments.here.one": "What it does.", "experiments.there.two": "Another."}
    assert "experiments.here.one" not in sys.modules


def test_an_experiment_without_docstring_is_listed_all_the_same(package):
    package("here/one.py", "x = 1\n")
    assert listing() == {"experiments.here.one": ""}


def test_listing_needs_no_jax():
    """`python -m experiments` answers at once."""
    check = "import sys, experiments.__main__ as m; m.listing(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
