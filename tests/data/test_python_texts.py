"""The texts and the source that come with Python: splits without overlap, and labels that agree with `ast`."""

import ast
import io
import re

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import code, text
from deeplearn.errors import UserError


def test_no_paragraph_of_python_s_documentation_is_in_two_splits_or_twice_in_one():
    import pydoc_data.topics

    splits = text.topics()
    paragraphs = [
        paragraph.strip("\n") for topics in splits.values() for topic in topics for paragraph in topic.split("\n\n")
    ]
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    assert len(paragraphs) == len(set(paragraphs)) > 2000
    # Nothing is lost either.
    whole = {p.strip("\n").rstrip() for topic in pydoc_data.topics.topics.values() for p in topic.split("\n\n")}
    assert set(paragraphs) == whole - {""}
    sizes = {split: sum(map(len, topics)) for split, topics in splits.items()}
    for split in ("validation", "test"):
        assert 0.05 < sizes[split] / sum(sizes.values()) < 0.15


def test_python_s_documentation_is_loaded_as_one_text_a_split(data_dir):
    dataset = data.load("text/python_docs", data_dir)
    for split, topics in text.topics().items():
        rows = getattr(dataset, split).arrays()
        inside = np.arange(rows["tokens"].shape[1]) < rows["length"][:, None]
        ids = rows["tokens"][inside]
        assert len(ids) == sum(map(len, topics))
        if split == "train":
            assert dataset.vocabulary.text(ids) == "".join(topics)
    assert set(dataset.about) == {"python"}


SOURCE = '''def f(x, *, y=1.5e3):  # "not" a string
    """Says # no comment."""
    return not x and \\
        rb'a' + f"{x!r:>{y}} if" if x is None else 0xff
'''
LABELS = """
kkk.nono.oo.nonnnnnoo..cccccccccccccccc.
....ssssssssssssssssssssssss.
....kkkkkk.kkk.n.kkk...
........sssss.o.ssssssssssssssss.kk.n.kk.kkkk.kkkk.nnnn.
"""


def test_each_character_of_a_source_has_the_label_of_its_token():
    found = code.labels(SOURCE)
    names = [code.CLASSES[label] for label in found]
    short = {"whitespace": ".", "comment": "c", "string": "s", "number": "n", "keyword": "k", "name": "n"}
    assert "".join(short.get(name, "o") for name in names) == LABELS.strip().replace("\n", "")
    numbers = "".join(c for name, c in zip(names, SOURCE, strict=True) if name == "number")
    assert numbers == "1.5e30xff"
    # To Python a form feed ends no line.
    assert code.labels("\fa = 1\n") == [
        code.CLASSES.index(name)
        for name in ("whitespace", "name", "whitespace", "operator", "whitespace", "number", "whitespace")
    ]


@pytest.mark.parametrize("module", ["heapq", "contextlib", "pprint", "traceback"])
def test_labels_of_the_library_agree_with_its_syntax_tree(module):
    source = code.source(module)
    found = np.array(code.labels(source))
    starts = np.cumsum([0, *map(len, io.StringIO(source))])
    lines = list(io.StringIO(source))

    def at(line, column):  # ast counts bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    inside_f_string: set[int] = set()
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            inside_f_string |= {id(part) for part in ast.walk(node) if part is not node}
    counts = dict.fromkeys(("string", "number", "name"), 0)
    for node in nodes:
        if id(node) in inside_f_string or not isinstance(node, ast.Constant | ast.JoinedStr | ast.Name):
            continue
        where = slice(at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset))
        value = getattr(node, "value", None)
        if isinstance(node, ast.Name):
            kind = "name"
        elif isinstance(node, ast.JoinedStr) or isinstance(value, str | bytes):
            kind = "string"  # strings side by side are one constant, with whitespace and comments between
            where = slice(where.start, where.start + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            kind = "number"
        else:
            continue
        counts[kind] += 1
        assert (found[where] == code.CLASSES.index(kind)).all(), source[where]
    assert min(counts.values()) > 3
    # Whitespace is white, apart from backslashes at ends of lines.
    white = "".join(c for c, label in zip(source, found, strict=True) if label == code.SPACE)
    assert not re.sub(r"\\\n", "", white).strip()


def test_code_is_cut_into_windows_of_whole_files_in_order(data_dir):
    dataset = data.load("code/python", data_dir)
    assert dataset.classes == code.CLASSES
    used = [module for modules in code.MODULES.values() for module in modules]
    assert len(used) == len(set(used))
    for split, modules in code.MODULES.items():
        rows = getattr(dataset, split).arrays()
        inside = np.arange(code.WINDOW) < rows["length"][:, None]
        whole = "".join(map(code.source, modules))
        assert rows["length"].sum() == len(whole)
        first = code.source(modules[0])
        count = -(-len(first) // code.WINDOW)
        np.testing.assert_array_equal(rows["tags"][:count][inside[:count]], code.labels(first))
        if split == "train":
            assert dataset.vocabulary.text(rows["tokens"][inside]) == whole


def test_the_modules_name_no_licence_of_their_own():
    for module in (module for modules in code.MODULES.values() for module in modules):
        assert not re.search("copyright|licen[cs]e", code.source(module), re.IGNORECASE), module


def test_a_module_without_a_source_is_named():
    with pytest.raises(UserError, match="needs the source of the module nowhere"):
        code.source("nowhere")
