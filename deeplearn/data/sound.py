"""Sound as log-mel frames: what an ear's filters, spaced evenly on the mel scale, let through every 10 ms."""

from __future__ import annotations

import functools
import warnings
from math import gcd
from pathlib import Path

import numpy as np

from deeplearn.data.files import located
from deeplearn.errors import UserError, brief, reason

RATE = 16_000  # samples a second; everything is resampled to it
WINDOW, HOP = 400, 160  # samples: frames of 25 ms, one every 10 ms
FFT = 512
MELS = 40
FLOOR = 1e-3  # energy that is added before the logarithm, some 70 dB below a full tone
LONGEST = 60  # seconds of a recording


def mel_filters(mels: int = MELS, size: int = FFT, rate: int = RATE) -> np.ndarray:
    """Triangles over the bins of a spectrum, float32 [size // 2 + 1, mels].

    Their corners lie evenly on the mel scale 2595 log10(1 + f / 700) from 0 to half the rate (O'Shaughnessy 1987);
    each filter begins at the peak of the one before, ends at that of the next, and has the height 1.
    """
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, highest, mels + 2) / 2595) - 1)  # Hz
    frequency = np.arange(size // 2 + 1)[:, None] * rate / size
    rising = (frequency - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequency) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


_filters = functools.cache(mel_filters)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Samples in [−1, 1] at RATE, [N], to frames float32 [1 + (N − WINDOW) // HOP, MELS].

    log(FLOOR + energy) of each filter, the energy from a periodic Hann window's spectrum of size FFT. The first
    frame begins at the first sample; nothing is padded. ValueError where there are fewer than WINDOW samples.
    """
    import scipy.fft
    import scipy.signal

    if len(samples) < WINDOW:
        raise ValueError(f"{len(samples)} samples are less than a window of {WINDOW}")
    framed = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float32), WINDOW)[::HOP]
    window = scipy.signal.get_window("hann", WINDOW).astype(np.float32)
    spectrum = scipy.fft.rfft(framed * window, FFT)  # complex64 [frames, FFT // 2 + 1]
    return np.log(FLOOR + (np.square(spectrum.real) + np.square(spectrum.imag)) @ _filters())


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples at `rate` to samples at RATE, [N] -> [about N · RATE / rate], by a polyphase filter."""
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    up, down = RATE // common, rate // common
    return resample_poly(samples.astype(np.float32), up, down, window=_low_pass(max(up, down)))


@functools.cache
def _low_pass(ratio: int) -> np.ndarray:
    """The filter that `resample_poly` would design anew at each call."""
    from scipy.signal import firwin

    return firwin(20 * ratio + 1, 1 / ratio, window=("kaiser", 5.0)).astype(np.float32)


def in_range(samples: np.ndarray) -> np.ndarray:
    """Samples as files hold them, of any type, as float32 in [−1, 1].

    8-bit files have unsigned bytes around 128; other whole numbers fill their type.
    """
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    return np.clip(samples.astype(np.float32), -1, 1)


def frames(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples [N] or [N, channels] of a TFDS set to `log_mel`; less than a window is filled up with silence."""
    if samples.dtype in (np.int32, np.int64):  # TFDS's types for the 16 bits that a file has
        samples = np.clip(samples, -(2**15), 2**15 - 1).astype(np.int16)
    mono = resampled(in_range(samples if samples.ndim == 1 else samples.mean(1).astype(samples.dtype)), rate)
    return log_mel(np.pad(mono, (0, max(0, WINDOW - len(mono)))))


def read_wav(path: str | Path, where: str = "") -> tuple[np.ndarray, int]:
    """(frames float32 [time, MELS], the file's own rate) of a WAV file: 8 to 32 bits, any rate, channels averaged.

    where: what an error begins with, such as "line 3 of FILE: ". UserError for a file that is no WAV, has no sound
    in it, or is shorter than a frame or longer than LONGEST seconds.
    """
    from scipy.io import wavfile

    file = located(str(path), "file", f"{where}name a WAV file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of chunks that hold no sound
            rate, samples = wavfile.read(file)
    except OSError as error:
        raise UserError(f"{where}{file} cannot be read ({reason(error)}): name a WAV file.") from None
    except Exception as error:  # its reader raises anything
        raise UserError(
            f"{where}{file} is not a WAV file that can be read ({brief(error)}): save it as WAV with 16 bits."
        ) from None
    if rate < 1 or not samples.size or not np.isfinite(samples).all():
        raise UserError(f"{where}{file} holds no sound: record something.")
    seconds = len(samples) / rate
    if seconds > LONGEST:
        raise UserError(f"{where}{file} is {seconds:.0f} s long, longer than {LONGEST} s: cut it.")
    samples = in_range(samples)
    mono = resampled(samples if samples.ndim == 1 else samples.mean(1), rate)
    if len(mono) < WINDOW:
        raise UserError(f"{where}{file} is {1000 * seconds:.0f} ms long, too short to hear a word: record more.")
    if np.ptp(mono) < 1e-4:  # less than a 16-bit file's third level
        raise UserError(f"{where}{file} is silent: record something.")
    return log_mel(mono), rate
