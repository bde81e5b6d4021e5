"""The tokenizer in a folder of the library transformers: texts to the numbers of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.implementations import BertWordPieceTokenizer, ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing

from deeplearn.errors import UserError, brief
from deeplearn.weights.json_file import read_object

# CLIP's own split (simple_tokenizer.py): its two ends, English contractions, words, digits one by one, signs.
_CLIP_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def read_tokenizer(folder: Path, kind: str) -> tuple[Tokenizer, list[Path]]:
    """The tokenizer, which does not pad, and the files that it was read from.

    folder: with tokenizer.json, or vocab.txt of BERT's, or vocab.json and merges.txt of GPT-2's, RoBERTa's or
    CLIP's. kind: the model_type of config.json. UserError where there is none, or a damaged one.
    """
    readers = {
        ("tokenizer.json",): Tokenizer.from_file,
        ("vocab.txt",): _of_bert if kind in ("bert", "distilbert") else None,
        ("vocab.json", "merges.txt"): {"gpt2": _of_gpt2, "roberta": _of_roberta}.get(
            kind, _of_clip if kind.startswith("clip") else None
        ),
    }
    for names, reader in readers.items():
        files = [folder / name for name in names]
        if reader is None or not all(file.is_file() for file in files):
            continue
        try:
            tokenizer: Any = reader(*map(str, files))
        except UserError:
            raise
        except Exception as error:  # the library raises Exception itself
            raise UserError(f"{files[0]} is no tokenizer, or a damaged one ({brief(error)})") from None
        tokenizer.no_padding()
        return tokenizer, files
    known = " or ".join(" with ".join(names) for names, reader in readers.items() if reader)
    raise UserError(f"{folder} has no tokenizer for a model of the kind {kind}: it should have {known}")


def encode(tokenizer: Tokenizer, longest: int, lower: bool, texts: Sequence[str]) -> tuple[list[np.ndarray], int]:
    """The tokens of each text, int32 [length], and how many texts were cut to `longest` tokens.

    Tokens that the tokenizer puts at both ends count, and stay. lower: texts are put into lower case first.
    UserError where these alone are `longest`.
    """
    if longest <= (ends := tokenizer.num_special_tokens_to_add(False)):
        raise UserError(
            f"the encoder reads {longest} tokens of a text, and its tokenizer puts {ends} at the ends of each: "
            "check max_seq_length, or the model's length"
        )
    tokenizer.enable_truncation(longest)
    # What UTF-8 cannot hold (half a surrogate pair) becomes a question mark.
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    encoded = tokenizer.encode_batch([text.lower() for text in whole] if lower else whole)
    return [np.asarray(one.ids, np.int32) for one in encoded], sum(bool(one.overflowing) for one in encoded)


def _of_bert(vocabulary: str) -> Any:
    lower = _beside(vocabulary).get("do_lower_case", True)
    return BertWordPieceTokenizer(vocabulary, lowercase=bool(lower))


def _of_gpt2(vocabulary: str, merges: str) -> Any:
    return ByteLevelBPETokenizer.from_file(vocabulary, merges)


def _of_roberta(vocabulary: str, merges: str) -> Any:
    tokenizer = ByteLevelBPETokenizer.from_file(vocabulary, merges)
    begin, end = (_numbered(tokenizer, token) for token in ("<s>", "</s>"))
    tokenizer._tokenizer.post_processor = RobertaProcessing(end, begin, add_prefix_space=False)
    return tokenizer


def _of_clip(vocabulary: str, merges: str) -> Any:
    begin, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(
        models.BPE.from_file(vocabulary, merges, unk_token=end, end_of_word_suffix="</w>", fuse_unk=False)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = RobertaProcessing(
        _numbered(tokenizer, end), _numbered(tokenizer, begin), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


def _numbered(tokenizer: Any, token: str) -> tuple[str, int]:
    if (number := tokenizer.token_to_id(token)) is None:
        raise ValueError(f"it has no {token}")
    return token, number


def _beside(file: str) -> dict[str, Any]:
    """The tokenizer_config.json beside a file; nothing where there is none."""
    config = Path(file).parent / "tokenizer_config.json"
    return read_object(config, "how texts are prepared") if config.is_file() else {}
