"""Vectors of texts by a pretrained text encoder, and the texts nearest to a sentence.

    python -m deeplearn.embed --weights=FOLDER --texts=FILE --out=vectors.npz [--pool=mean] [--batch_size=32]
    python -m deeplearn.embed --weights=FOLDER --texts=FILE --nearest="a sentence" [--count=5]
    python -m deeplearn.embed --weights=FOLDER --vectors=vectors.npz --nearest="a sentence"

FOLDER is one of the library transformers, as on the Hugging Face Hub: config.json, model.safetensors or
pytorch_model.bin, tokenizer.json. Known are BERT, RoBERTa, DistilBERT, sentence encoders of these such as MiniLM,
GPT-2, T5 (its encoder) and CLIP (its text encoder). No weights come with this package and none are fetched. The
directory of a run that trained a BERT or GPT-2 on texts works too. FILE has one text in each line; empty lines are
left out.

A text's vector is the mean over its tokens, the state of the first one (--pool=cls), or that of the last one (last,
for CLIP its projection), as the folder's 1_Pooling says; where it says nothing, the mean, for folders of GPT-2 and
CLIP the last. --nearest prints the --count texts with the greatest cosine; --vectors searches in a file that --out
wrote before with the same weights. That file has `vectors` float32 [N, features], `texts`, their UTF-8 with
newlines between, and `made`, what made them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deeplearn.command import execute, parser
from deeplearn.embed.text_encoder import BATCH, POOLS, TextEncoder
from deeplearn.embed.vectors_file import Vectors, load, nearest, save
from deeplearn.errors import UserError, reason
from deeplearn.train.launch import use_compilation_cache
from deeplearn.train.logs import Progress


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.embed", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a folder of the library transformers, or a run")
    source = flags.add_mutually_exclusive_group(required=True)
    source.add_argument("--texts", type=Path, help="a file with one text in each line")
    source.add_argument("--vectors", type=Path, help="a file that --out wrote before, to search in")
    flags.add_argument("--out", type=Path, help="the .npz to write vectors to")
    flags.add_argument("--nearest", help="a sentence: print the texts nearest to it")
    flags.add_argument("--count", type=int, default=5, help="how many of them")
    flags.add_argument("--pool", choices=POOLS, default="", help="how the states of a text become one vector")
    flags.add_argument("--batch_size", type=int, default=BATCH, help="texts at a time")
    chosen = flags.parse_args(arguments)
    if chosen.out is None and chosen.nearest is None:
        raise UserError("nothing is asked: give --out=FILE.npz, --nearest=SENTENCE, or both")
    if chosen.out is not None and chosen.vectors is not None:
        raise UserError("--vectors has its vectors already: --out is for those of --texts")
    if chosen.out is not None and (chosen.out.suffix != ".npz" or not chosen.out.absolute().parent.is_dir()):
        raise UserError(f"--out={chosen.out} should end in .npz, and lie in a directory that exists")
    if chosen.nearest is not None and not chosen.nearest.strip():
        raise UserError("--nearest is empty: give a sentence")
    for name in ("count", "batch_size"):
        if getattr(chosen, name) < 1:
            raise UserError(f"--{name}={getattr(chosen, name)} should be at least 1")
    return chosen


def read_texts(file: Path) -> list[str]:
    """The lines of a file, without empty ones; UserError where there are none."""
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise UserError(f"cannot read --texts={file} (it is not a file)")
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read --texts={file} ({reason(error)})") from None
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise UserError(f"--texts={file} has no text in it")
    if empty := len(lines) - (lines[-1] == "") - len(texts):
        print(f"note: {empty} empty lines of {file} are left out", file=sys.stderr)
    return texts


def embedded(encoder: TextEncoder, texts: list[str], batch_size: int) -> Vectors:
    progress = Progress(len(texts))
    vectors = encoder.vectors(texts, batch_size, lambda done: progress.update(done, "texts"))
    progress.clear()
    return Vectors(texts, vectors, encoder.pool, encoder.source.fingerprint)


def kept(file: Path, asked: str) -> Vectors:
    """The vectors in a file; UserError where they were pooled otherwise than is asked for."""
    found = load(file)
    if asked and asked != found.pool:
        raise UserError(f"--vectors={file} were pooled by {found.pool}, not by {asked}: leave out --pool")
    return found


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    texts = read_texts(chosen.texts) if chosen.texts is not None else []
    found = None if texts else kept(chosen.vectors, chosen.pool)
    encoder = TextEncoder.open(chosen.weights, found.pool if found else chosen.pool)
    if found is None:
        found = embedded(encoder, texts, chosen.batch_size)
    elif found.fingerprint != encoder.source.fingerprint:
        raise UserError(
            f"--vectors={chosen.vectors} were made with other weights than those of {chosen.weights}: their spaces "
            "have nothing in common"
        )
    if chosen.out is not None:
        save(chosen.out, found)
        size = found.vectors.shape[1]
        print(f"{chosen.out}: {len(found.texts)} vectors of {size}, {encoder.source.kind}, pooled by {found.pool}")
    if chosen.nearest is not None:
        query = encoder.vectors([chosen.nearest])[0]
        for row, cosine in nearest(found.vectors, query, chosen.count):
            print(f"{cosine:7.3f}  {found.texts[row]}")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
