"""The arithmetic of a track's length. Pure."""

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import Manifest

# A track is cut where its duration says, in the middle of whatever sounds. 50 ms are two periods of 40 Hz, so
# that not even a bass note clicks, and too short to be heard as a fade.
FADE_SECONDS = 0.05
# An estimate of frames that lies less than 1 / ROUNDING above a whole number is taken for that number.
ROUNDING = 25


def fade_out(audio: NDArray[np.float32], start: int, samples: int, sample_rate: int) -> NDArray[np.float32]:
    """A piece of a track, float32 [channels, n] from sample `start` on, with its part in the final fade.

    The gain falls like half a cosine over the last FADE_SECONDS before `samples`, the track's length.
    """
    fade = min(samples, round(FADE_SECONDS * sample_rate))
    begin = samples - fade - start
    if audio.shape[1] <= begin:
        return audio
    place = np.arange(audio.shape[1]) - begin
    gain = 0.5 + 0.5 * np.cos(np.pi * np.clip(place / fade, 0, 1))
    return audio * gain.astype(np.float32)


def ring_out(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Audio [channels, samples] that fades from its beginning to its end, like half a cosine."""
    place = np.arange(audio.shape[1]) / max(1, audio.shape[1])
    faded: NDArray[np.float32] = audio * (0.5 + 0.5 * np.cos(np.pi * place)).astype(np.float32)
    return faded


def expected_frames(manifest: Manifest, samples: int, decoded: int, given: int) -> int:
    """Frames that so many samples take: exact for a fixed rate, else by the rate of the audio so far.

    decoded: frames that the codec has got; given: samples that it made of them.
    """
    codec = manifest.codec
    most = manifest.frames_expected(samples / codec.sample_rate)
    if codec.frames_per_second is not None or given == 0:
        return most
    sounding = (decoded - codec.header_frames) * samples
    # `given` is rounded down to whole samples: the least excess over a whole number of frames is that.
    estimate = codec.header_frames + -(-(ROUNDING * sounding - given) // (ROUNDING * given))
    return max(decoded + 1, min(most, estimate))
