"""`code/python`: source of Python's standard library, and for each character what kind of token it belongs to.

The modules are a fixed list of files that name no licence or copyright of their own, so Python's (PSF) holds, and
that every Python from 3.11 on has. Their source is that of the running Python and differs between versions:
`about["python"]` says which one it was, and a run keeps its fingerprint.
"""

import importlib.machinery
import io
import keyword
import platform
import sysconfig
import token
import tokenize

import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.forms import FIRST_TAG
from deeplearn.errors import UserError

WINDOW = 256  # characters of an example

MODULES = {
    "train": (
        *(
            "argparse",
            "bdb",
            "bisect",
            "calendar",
            "cmd",
            "codeop",
            "colorsys",
            "compileall",
            "configparser",
            "copy",
        ),
        *("copyreg", "dataclasses", "difflib", "dis", "enum", "fileinput", "fnmatch", "getopt", "gettext", "gzip"),
        *("hmac", "imaplib", "linecache", "mimetypes", "modulefinder", "operator", "pdb", "pickle", "pkgutil"),
        *("plistlib", "poplib", "pyclbr", "random", "reprlib", "runpy", "selectors", "shelve", "smtplib"),
        *("statistics", "symtable", "threading", "timeit", "traceback", "typing", "wave", "zipapp"),
    ),
    "validation": ("fractions", "getpass", "graphlib", "queue", "shlex", "weakref"),
    "test": (
        "contextlib",
        "csv",
        "filecmp",
        "ftplib",
        "heapq",
        "pprint",
        "py_compile",
        "quopri",
        "sched",
        "tabnanny",
    ),
}
CLASSES = ("whitespace", "comment", "string", "number", "keyword", "name", "operator")
SPACE, COMMENT, STRING, NUMBER, KEYWORD, NAME, OPERATOR = range(len(CLASSES))
KINDS = {token.COMMENT: COMMENT, token.STRING: STRING, token.NUMBER: NUMBER, token.OP: OPERATOR}


def labels(source: str) -> list[int]:
    """The class of each character of a Python source, an index into CLASSES, by the module `tokenize`.

    What is between tokens is whitespace: spaces, ends of lines, backslashes at ends of lines. A string has its
    prefix and quotes; an f-string is a string as a whole, as it is to Pythons before 3.12. Words that are keywords
    only in some places (`match`) are names.
    """
    lines = list(io.StringIO(source))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = [SPACE] * len(source)
    opened: list[int] = []  # where f-strings begin whose end is not yet seen
    for one in tokenize.generate_tokens(io.StringIO(source).readline):
        first, last = (
            starts[row - 1] + column if row <= len(lines) else len(source) for row, column in (one.start, one.end)
        )
        kind = KINDS.get(one.type)
        if one.type == token.NAME:
            kind = KEYWORD if keyword.iskeyword(one.string) else NAME
        elif token.tok_name[one.type].endswith("STRING_START"):
            opened.append(first)
        elif token.tok_name[one.type].endswith("STRING_END"):
            first, kind = opened.pop(), STRING
        if kind is not None:
            found[first:last] = [kind] * (last - first)
    return found


def source(module: str) -> str:
    """The text of a module of the standard library; UserError where this Python has none."""
    # Not any module of that name that the user has, nor the one that is frozen into Python, without its source.
    found = importlib.machinery.PathFinder.find_spec(module, [sysconfig.get_path("stdlib")])
    get_source = getattr(found.loader, "get_source", None) if found else None
    text = get_source(module) if get_source else None
    if not text:
        raise UserError(f"code/python needs the source of the module {module}, which this Python does not have")
    return text


class Builder(OwnBuilder):
    """Windows of WINDOW characters, those of a file in their order. Whole files are held out.

    `text`, and `tags`, as long: a letter for each character, FIRST_TAG for classes[0] and so on.
    """

    name = "code"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = (tfds.core.BuilderConfig(name="python"),)
    classes = CLASSES

    def about(self):
        return {"python": platform.python_version()}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text(), "tags": tfds.features.Text()}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(modules) for split, modules in MODULES.items()}

    def _generate_examples(self, modules):
        for number, module in enumerate(modules):
            text = source(module)
            tags = "".join(chr(ord(FIRST_TAG) + label) for label in labels(text))
            for first in range(0, len(text), WINDOW):
                window = slice(first, first + WINDOW)
                yield 10**6 * number + first, {"text": text[window], "tags": tags[window]}
