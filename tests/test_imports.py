"""Imports run one way: the arrows of the design, read from the source; and there is no circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# package: the packages that it may import. errors, mean, measured and what every program needs are for all.
ARROWS = {
    "nn": set(),
    "optim": {"nn"},
    "data": {"nn"},
    "figures": {"nn"},
    "losses": {"nn"},
    "metrics": {"nn"},
    "models": {"nn"},
    "baselines": {"data", "metrics", "nn"},
    "train": {"data", "metrics", "nn", "optim"},
    "judge": {"baselines", "data", "losses", "metrics", "models", "nn", "optim", "train"},
    "adversarial": {"baselines", "data", "figures", "judge", "losses", "metrics", "models", "nn", "optim", "train"},
    "sentences": {"baselines", "data", "figures", "losses", "metrics", "models", "nn", "optim", "train"},
    "text_to_image": {
        *("baselines", "data", "embed", "figures", "judge", "losses", "metrics", "models", "nn", "optim", "runs"),
        *("train", "weights"),
    },
    "runs": {"data", "figures", "metrics", "nn", "optim", "train"},
    "draw": {"data", "figures", "runs", "train"},
    "demo": {"draw", "runs", "train"},
    "weights": {"data", "figures", "metrics", "models", "nn", "runs", "train"},
    "embed": {"data", "metrics", "models", "nn", "runs", "train", "weights"},
    "vectors": {"baselines", "data", "figures", "metrics", "runs", "train"},
    "codec": {"data", "losses", "models", "nn", "runs", "train"},
}
FOR_ALL = {"errors", "mean", "measured", "command", "interruption", "terminal"}


def modules():
    """{dotted name: path} of the library and the experiments."""
    files = [*ROOT.glob("deeplearn/**/*.py"), *ROOT.glob("experiments/**/*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files
    }


def imported(name, file, known, deferred=True):
    """The modules of ours that a module imports; without those that a function imports when it is called."""
    found = set()

    def look(node):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative: from . import x
                parts = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            found.update(
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names
            )
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if checking or (not deferred and isinstance(node, ast.FunctionDef)):
            return
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(file.read_text()))
    return {one for one in found if one in known}


KNOWN = modules()


def room(name):
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("name", [name for name in KNOWN if name.startswith("deeplearn.")])
def test_the_library_s_arrows(name):
    own = room(name)
    for other in imported(name, KNOWN[name], KNOWN):
        assert not other.startswith("experiments"), f"{name} imports the page {other}"
        if own in FOR_ALL or other == "deeplearn":
            assert room(other) in FOR_ALL | {""}, f"{name} imports {other}"
            continue
        allowed = ARROWS[own] | FOR_ALL | {own}
        assert room(other) in allowed, f"{name} imports {other}: {own} may import {', '.join(sorted(allowed))}"


@pytest.mark.parametrize("name", [name for name in KNOWN if name.startswith("experiments.")])
def test_no_page_imports_a_page(name):
    others = {other for other in imported(name, KNOWN[name], KNOWN) if other.startswith("experiments")}
    assert not others - {name, "experiments"}, f"{name} imports {others}"


def test_there_is_no_circle():
    """Of modules, imports inside functions included: they would only hide it."""
    graph = {name: imported(name, file, KNOWN) - {name} for name, file in KNOWN.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            # A package's own modules are imported by its __init__ first; they name each other, not the package.
            visit(other)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_no_file_of_the_library_is_longer_than_300_lines():
    long = {name: lines for name, file in KNOWN.items() if (lines := len(file.read_text().splitlines())) > 300}
    assert not long


def test_a_wrong_arrow_is_seen(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text("def f():\n    from deeplearn.train import fit\n    return fit\n")
    assert imported("deeplearn.nn.wrong", file, KNOWN) == {"deeplearn.train.fit"}
    file.write_text("from . import conv\n")
    assert imported("deeplearn.nn.wrong", file, KNOWN) == {"deeplearn.nn.conv"}
