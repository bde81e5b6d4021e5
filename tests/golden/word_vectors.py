"""Makes tests/golden/word_vectors/ with gensim: files of word vectors and what gensim reads in them.

    python tests/golden/word_vectors.py

Versions used: gensim 4.4.0, numpy 2.4.6.
"""

import json
from pathlib import Path

import numpy as np
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import save_facebook_model

FOLDER = Path(__file__).with_suffix("")
WORDS = ["the", "naïve", "king", "日本"]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    vectors = KeyedVectors(3)
    vectors.add_vectors(WORDS, np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    for name, binary in (("vectors.txt", False), ("vectors.bin", True)):
        vectors.save_word2vec_format(FOLDER / name, binary=binary)
    sentences = [["the", "naïve", "king", "of", "日本"], ["the", "king", "sees", "the", "naïveté"]] * 20
    model = FastText(sentences, vector_size=4, min_count=1, bucket=30, epochs=2, seed=1, min_n=2, max_n=4)
    save_facebook_model(model, str(FOLDER / "fasttext.bin"))
    expected = {
        "words": WORDS,
        "vectors": vectors.vectors.tolist(),
        "fasttext": {word: model.wv[word].tolist() for word in ("the", "日本", "naïveté", "unseen", "kingdom")},
        "counts": {word: int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key},
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main()
