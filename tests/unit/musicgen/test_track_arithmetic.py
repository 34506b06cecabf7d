import msgspec
import numpy as np
import pytest

from lofi_common.manifest import CodecSpec, DecoderSpec, Manifest, SamplingSpec, TextSpec, WindowSpec
from lofi_worker.musicgen.track import FADE_SECONDS, expected_frames, fade_out, ring_out

RATE = 32_000
FADE = round(FADE_SECONDS * RATE)


def manifest(codec: CodecSpec) -> Manifest:
    return Manifest(
        layout=1,
        name="any",
        license="MIT",
        description="",
        text=TextSpec(max_tokens=8),
        decoder=DecoderSpec(
            layers=1, heads=1, head_dim=8, codebooks=4, codebook_size=8, delays=[0, 1, 2, 3], max_steps=64
        ),
        codec=codec,
        sampling=SamplingSpec(temperature=1.0, top_k=250, top_p=0.0, guidance_scale=3.0),
        files={},
    )


FIXED = manifest(CodecSpec(sample_rate=RATE, channels=1, chunk_frames=50, frames_per_second=50.0))
SELF_PACED = manifest(
    CodecSpec(sample_rate=RATE, channels=1, chunk_frames=16, header_frames=5, max_frames_per_second=6.5)
)


def test_a_track_fades_over_its_last_part_only() -> None:
    audio = fade_out(np.ones((2, RATE), np.float32), 0, RATE, RATE)
    assert audio.dtype == np.float32
    assert np.all(audio[:, :-FADE] == 1)
    assert np.all(np.diff(audio[:, -FADE:], axis=1) < 0)
    assert audio[0, -FADE // 2] == pytest.approx(0.5, abs=1e-3)
    assert 0 <= audio[0, -1] < 1e-5


@pytest.mark.parametrize("pieces", [[32_000], [100] * 320, [31_999, 1], [30_399, 1, 1_600], [30_000, 2_000]])
def test_the_fade_does_not_depend_on_the_pieces(pieces: list[int]) -> None:
    whole = fade_out(np.ones((1, RATE), np.float32), 0, RATE, RATE)
    start, parts = 0, []
    for n in pieces:
        parts.append(fade_out(np.ones((1, n), np.float32), start, RATE, RATE))
        start += n
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_a_track_shorter_than_the_fade_fades_from_its_start() -> None:
    audio = fade_out(np.ones((1, 10), np.float32), 0, 10, RATE)
    assert audio[0, 0] == 1 and audio[0, 9] < 0.1


def test_a_fixed_rate_tells_the_frames_exactly() -> None:
    assert expected_frames(FIXED, 10 * RATE, decoded=0, given=0) == 500
    assert expected_frames(FIXED, 10 * RATE, decoded=50, given=30_000) == 500


def test_a_self_paced_codec_tells_them_by_its_audio_so_far() -> None:
    assert expected_frames(SELF_PACED, 20 * RATE, decoded=0, given=0) == 5 + 130
    assert (
        expected_frames(SELF_PACED, 20 * RATE, decoded=16, given=11 * RATE // 4) == 5 + 80
    )  # 4 frames a second
    assert expected_frames(SELF_PACED, 20 * RATE, decoded=16, given=100) == 5 + 130  # no more than the bound
    assert (
        expected_frames(SELF_PACED, 20 * RATE, decoded=150, given=19 * RATE) == 151
    )  # but more than there are


@pytest.mark.parametrize("bpm", range(60, 96))
def test_the_estimate_is_exact_although_samples_are_rounded_down(bpm: int) -> None:
    for duration in (5, 13, 20, 60, 120):
        needed = -(-duration * bpm // 15)
        for steps in (9, 10, 40):
            given = steps * 15 * RATE // bpm
            if given < duration * RATE:
                assert (
                    expected_frames(SELF_PACED, duration * RATE, decoded=5 + steps, given=given) == 5 + needed
                )


@pytest.mark.parametrize(
    ("codec", "seconds"),
    [
        (FIXED.codec, None),
        (msgspec.structs.replace(FIXED.codec, frames_per_second=1e-308), None),
        (msgspec.structs.replace(FIXED.codec, frames_per_second=float("inf")), None),
        (SELF_PACED.codec, 8),  # 56 frames that sound, if each is as short as it may be
        (msgspec.structs.replace(SELF_PACED.codec, max_frames_per_second=1e-308), 3600),
        (msgspec.structs.replace(FIXED.codec, header_frames=62), 0),
    ],
)
def test_only_a_model_without_windows_has_a_longest_track(codec: CodecSpec, seconds: int | None) -> None:
    made = manifest(codec)
    assert made.longest_sec() == seconds
    assert (made.windows() is None) == (seconds is not None)
    if seconds == 8:
        assert made.frames_expected(8) <= made.most_frames < made.frames_expected(9)


@pytest.mark.parametrize(
    ("rate", "max_steps", "frames", "stride"),
    [(50.0, 2048, 1500, 900), (50.0, 1003, 1000, 600), (86.0, 4096, 2580, 1548), (0.01, 64, 1, 1)],
)
def test_windows_are_those_of_audiocraft_as_far_as_the_steps_reach(
    rate: float, max_steps: int, frames: int, stride: int
) -> None:
    codec = msgspec.structs.replace(FIXED.codec, frames_per_second=rate)
    decoder = msgspec.structs.replace(FIXED.decoder, max_steps=max_steps)
    made = msgspec.structs.replace(FIXED, codec=codec, decoder=decoder)
    assert made.windows() == WindowSpec(frames=frames, stride=stride)


def test_a_movement_rings_out_to_silence() -> None:
    audio = ring_out(np.ones((2, 1000), np.float32))
    assert audio.dtype == np.float32 and audio[0, 0] == 1 and audio[0, -1] < 1e-4
    assert np.all(np.diff(audio) < 0)
    assert ring_out(np.zeros((1, 0), np.float32)).shape == (1, 0)
