"""Small vocabularies in the files that BERT, GPT-2, RoBERTa and CLIP had before tokenizer.json, and their tokens.

    python tests/golden/text_tokenizers.py

Made with transformers 5.24.0, torch 2.14.1 and tokenizers 0.23.3: the vocabularies are trained here on TEXTS, the
tokens of TEXTS are those of transformers' own classes on the files. text_tokenizers.json has for each kind its
files, the texts and the tokens.
"""

import json
import tempfile
from pathlib import Path

import transformers as hf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
TEXTS = [
    "A cat sits on the mat, the other cat's asleep.",
    "  Two  spaces,\ttabs and 1234 numbers!",
    "Café naïve — THE END",
    "they'll see: it's the cats' mats...",
]
SPECIAL = {"gpt2": [], "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]}
CLIP = ["<|startoftext|>", "<|endoftext|>"]


def words():
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *"abcdefghijklmnopqrstuvwxyz'.,!:1234",
        "the",
        "cat",
        "mat",
        "##s",
        "on",
    ]


def trained(special, clip=False):
    """Byte-pair pieces of TEXTS; CLIP's are of lower-case words that end in </w>."""
    tokenizer = Tokenizer(models.BPE(**({"end_of_word_suffix": "</w>"} if clip else {})))
    if clip:
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    suffix = {"end_of_word_suffix": "</w>"} if clip else {}
    trainer = trainers.BpeTrainer(vocab_size=95, special_tokens=special, show_progress=False, **suffix)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def write_pieces(folder, special, clip=False):
    tokenizer = trained(special, clip)
    tokenizer.model.save(str(folder))


KINDS = {
    "bert": (lambda folder: (folder / "vocab.txt").write_text("\n".join(words()) + "\n"), hf.BertTokenizer),
    "gpt2": (lambda folder: write_pieces(folder, SPECIAL["gpt2"]), hf.GPT2Tokenizer),
    "roberta": (lambda folder: write_pieces(folder, SPECIAL["roberta"]), hf.RobertaTokenizer),
    "clip": (lambda folder: write_pieces(folder, CLIP, clip=True), hf.CLIPTokenizer),
}


def main():
    stored = {}
    for kind, (write, tokenizer) in KINDS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write(folder)
            files = {file.name: file.read_text() for file in sorted(folder.iterdir())}
            found = tokenizer.from_pretrained(folder)
            ids = [found(text)["input_ids"] for text in TEXTS]
        stored[kind] = {"files": files, "texts": TEXTS, "ids": ids}
        print(kind, [found.convert_ids_to_tokens(one) for one in ids])
    (HERE / "text_tokenizers.json").write_text(json.dumps(stored))


if __name__ == "__main__":
    main()
