"""Log-mel frames against scipy's spectrogram and filters written out; WAV files of every kind, and what is none."""

import wave

import numpy as np
import pytest
import scipy.signal
from scipy.io import wavfile

from deeplearn.data.sound import FFT, FLOOR, HOP, MELS, RATE, WINDOW, frames, log_mel, read_wav, resampled
from deeplearn.errors import UserError

TONE = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE)  # half a second at 1 kHz


def by_hand(samples):
    """A short-time Fourier transform by scipy, and each filter as its formula has it, one number after another."""
    window = scipy.signal.get_window("hann", WINDOW)
    transform = scipy.signal.ShortTimeFFT(window, HOP, RATE, mfft=FFT, fft_mode="onesided")
    # scipy's window number p has its middle at sample p · HOP; the first of ours then has number 2.
    count, before = 1 + (len(samples) - WINDOW) // HOP, 2 * HOP - WINDOW // 2
    energy = np.abs(transform.stft(np.pad(samples, (before, FFT)), p0=2, p1=2 + count)) ** 2
    mel = [2595 * np.log10(1 + RATE / 2 / 700) * i / (MELS + 1) for i in range(MELS + 2)]
    hertz = [700 * (10 ** (m / 2595) - 1) for m in mel]
    result = np.zeros((count, MELS))
    for number in range(MELS):
        low, peak, high = hertz[number : number + 3]
        for bin in range(FFT // 2 + 1):
            f = bin * RATE / FFT
            weight = (f - low) / (peak - low) if low <= f <= peak else (high - f) / (high - peak)
            result[:, number] += energy[bin] * max(0, weight if low <= f <= high else 0)
    return np.log(FLOOR + result)


def test_log_mel_is_that_of_scipy_and_the_formula():
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.normal(size=3000) + TONE[:3000]
    ours = log_mel(samples)
    assert ours.shape == (1 + (3000 - WINDOW) // HOP, MELS) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, by_hand(samples), atol=2e-4)
    with pytest.raises(ValueError, match="399 samples are less"):
        log_mel(samples[:399])


def test_a_tone_is_loudest_where_its_filter_is():
    loudest = log_mel(TONE).mean(0).argmax()
    centres = 700 * (10 ** (np.linspace(0, np.log10(1 + RATE / 2 / 700), MELS + 2)[1:-1]) - 1)
    assert loudest == np.abs(centres - 1000).argmin()


def test_resampling_keeps_a_tone():
    other = 22_050
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(other // 2) / other)
    np.testing.assert_allclose(resampled(tone, other)[200:-200], TONE[200:-200], atol=2e-3)
    assert resampled(tone, RATE) is tone


def write_24_bits(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(3), file.setframerate(RATE)
        file.writeframes(b"".join(int(one * 2**23).to_bytes(3, "little", signed=True) for one in samples))


def test_every_width_and_number_of_channels_gives_the_same_frames(tmp_path):
    true = log_mel(TONE)
    kinds = {
        "bytes": (128 + 128 * TONE).astype(np.uint8),
        "16": (2**15 * TONE).astype(np.int16),
        "32": (2**31 * TONE).astype(np.int32),
        "float": TONE.astype(np.float32),
        "stereo": np.stack([2**15 * TONE * 0.5, 2**15 * TONE * 1.5], 1).astype(np.int16),
    }
    for name, samples in kinds.items():
        wavfile.write(tmp_path / name, RATE, samples)
    write_24_bits(tmp_path / "24", TONE)
    loud = true > 2  # quantising to 8 bits makes a noise
    for name in (*kinds, "24"):
        heard, rate = read_wav(tmp_path / name)
        assert rate == RATE
        np.testing.assert_allclose(heard[loud], true[loud], atol=0.3 if name == "bytes" else 0.01, err_msg=name)
    slow = 8000
    wavfile.write(tmp_path / "slow", slow, (2**15 * TONE[::2]).astype(np.int16))
    heard, rate = read_wav(tmp_path / "slow")
    assert rate == slow and abs(len(heard) - len(true)) <= 1
    assert heard.mean(0).argmax() == true.mean(0).argmax()


def test_what_holds_no_sound_is_said(tmp_path):
    def written(name, samples, rate=RATE):
        wavfile.write(tmp_path / name, rate, samples)
        return tmp_path / name

    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    cases = {
        "there is no file": tmp_path / "nothing.wav",
        "is not a WAV file that can be read": tmp_path / "text.wav",
        "empty.wav is not a WAV file": tmp_path / "empty.wav",
        "holds no sound": written("none.wav", np.zeros(0, np.int16)),
        "is silent": written("silent.wav", np.zeros(RATE, np.int16)),
        "20 ms long, too short": written("short.wav", (2**14 * TONE[:320]).astype(np.int16)),
        "longer than 60 s": written("long.wav", np.ones(61 * 8000, np.int16), 8000),
        "nan.wav holds no sound": written("nan.wav", np.full(RATE, np.nan, np.float32)),
        "is not a file": tmp_path,
    }
    for sentence, path in cases.items():
        with pytest.raises(UserError, match=sentence) as error:
            read_wav(path, "line 3 of table: ")
        assert str(error.value).startswith("line 3 of table: ") or sentence in ("there is no file", "is not a file")


def test_sound_of_tfds_has_its_types_and_may_be_short():
    true = log_mel(TONE)
    sixteen = (2**15 * TONE).astype(np.int16)
    for samples in (sixteen, sixteen.astype(np.int64), np.stack([sixteen, sixteen], 1)):
        np.testing.assert_allclose(frames(samples, RATE)[true > 2], true[true > 2], atol=0.01)
    assert frames(sixteen[:100], RATE).shape == (1, MELS)
