"""eSpeak NG by ctypes, as a program of its own: its library keeps one voice and one state for a whole process.

    python -m deeplearn.data.builders.espeak < sentences.jsonl > samples

Each line it reads is JSON, {"text": …, "voice": "en-us+f3", "speed": words a minute, "pitch": 0 to 99}; for each it
writes an int32, the number of samples, and as many int16 samples at RATE. The same lines give the same bytes, with
the same version of the library. Library and voices come with the package espeakng_loader, under the GNU General
Public License, version 3.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from deeplearn.errors import UserError, brief

RATE = 22_050
SYNCHRONOUS, UTF8 = 2, 1  # the constants of espeak-ng/speak_lib.h
SPEED, PITCH = 1, 3
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def spoken(sentences: Iterable[Mapping[str, Any]]) -> Iterator[np.ndarray]:
    """int16 [samples] at RATE for each sentence, spoken in their order by a new process.

    UserError where the package is missing or its library fails.
    """
    needed()
    lines = "".join(json.dumps(dict(sentence)) + "\n" for sentence in sentences)
    command = [sys.executable, "-m", "deeplearn.data.builders.espeak"]
    done = subprocess.run(command, input=lines.encode(), capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise UserError(f"eSpeak NG failed ({said[-1][:200]}): install espeakng-loader again.")
    place = 0
    while place < len(done.stdout):
        (count,) = np.frombuffer(done.stdout, np.int32, 1, place)
        yield np.frombuffer(done.stdout, np.int16, count, place + 4)
        place += 4 + 2 * int(count)


def needed() -> Any:
    """The package with the library; UserError where it is not installed."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise UserError(
            f"speech is made by eSpeak NG, which is not installed ({brief(error)}): pip install "
            "'deeplearn[speech]' (it is under the GPL)."
        ) from None
    return espeakng_loader


def speak(lines: Iterable[str], out: BinaryIO) -> None:
    """Reads sentences and writes samples, as the program does."""
    package = needed()
    library = ctypes.CDLL(package.get_library_path())
    if library.espeak_Initialize(SYNCHRONOUS, 0, package.get_data_path().encode(), 0) != RATE:
        raise SystemExit("its library does not start")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    parts: list[bytes] = []

    @CALLBACK
    def heard(samples: Any, count: int, _: Any) -> int:
        if count > 0:
            parts.append(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(heard)
    for line in lines:
        sentence = json.loads(line)
        text = sentence["text"].encode()
        parts.clear()
        library.espeak_SetParameter(SPEED, sentence["speed"], 0)
        failed = library.espeak_SetVoiceByName(sentence["voice"].encode())
        library.espeak_SetParameter(PITCH, sentence["pitch"], 0)
        failed = failed or library.espeak_Synth(text, len(text) + 1, 0, 1, 0, UTF8, None, None)
        if failed:
            raise SystemExit(f"{sentence['voice']} cannot say {sentence['text']!r} (error {failed})")
        samples = b"".join(parts)
        out.write(np.int32(len(samples) // 2).tobytes() + samples)


if __name__ == "__main__":
    speak(sys.stdin, sys.stdout.buffer)
