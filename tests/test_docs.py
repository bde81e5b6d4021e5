"""The documentation shows the code that the tests run."""

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_example_is_the_file_and_fits_sixty_lines():
    code = (DOCS / "label_smoothing.py").read_text()
    assert f"```python\n{code}```" in (DOCS / "adding_an_experiment.md").read_text()
    assert len(code.splitlines()) <= 60
