"""The user's own recordings: `speech:DIR`, WAV files beside a `metadata.csv` or `.jsonl` (deeplearn.data.metadata).

WAV files may have 8 to 32 bits, any rate and several channels (deeplearn.data.sound). A text is its characters, or
its words: `speech:DIR@word`. Without splits the recordings are cut 80 / 10 / 10.
"""

from typing import Any

import numpy as np

from deeplearn.data.cut import Cut, split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.files import located
from deeplearn.data.forms import speech
from deeplearn.data.labels import shown
from deeplearn.data.metadata import read_metadata
from deeplearn.data.ragged import Ragged, halvings
from deeplearn.data.sound import HOP, RATE, read_wav
from deeplearn.data.split import Arrays
from deeplearn.data.tokens import cut_splits


def load_speech(path: str) -> Dataset:
    """`sound` float32 [time, mels] with `sound_length`, `tokens` with `length`, `text`.

    Raises UserError, naming table and line, for any mistake.
    """
    where, cut = split_cut(path)
    folder = located(where, "folder", "check the path after speech:")
    rows = read_metadata(folder)
    heard = [read_wav(row.file, f"{row.where}: ") for row in rows]
    found = np.array([row.split for row in rows])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, divided = cut_splits(folder, given, np.zeros(len(rows), np.int32))
    texts = np.array([row.text for row in rows], object)
    buckets = halvings(max(len(frames) for frames, _ in heard))

    def columns(order: np.ndarray) -> dict[str, Any]:
        frames = [heard[row][0] for row in order]
        sound = Ragged.of(frames, np.float16, buckets=buckets, length="sound_length")
        return {"sound": sound, "text": texts[order]}

    splits: dict[str, Any] = {split: Arrays(columns(order)) for split, order in orders.items()}
    seconds = sum(len(frames) for frames, _ in heard) * HOP / RATE
    notes = [f"{len(rows)} recordings, {seconds:.0f} s in all", *_rates([rate for _, rate in heard]), *divided]
    return speech(Dataset(name=f"speech:{path}", notes=tuple(notes), **splits), cut or Cut())


def _rates(rates: list[int]) -> list[str]:
    """A note where recordings had another rate than theirs now."""
    others = sorted(set(rates) - {RATE})
    if not others:
        return []
    count = sum(rate != RATE for rate in rates)
    return [f"{count} recordings of {shown(f'{rate:,}' for rate in others)} Hz are resampled to {RATE:,} Hz"]
