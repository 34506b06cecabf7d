"""A spectrogram as a picture with axes, a title and a scale of its colours."""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from lofi_cli.audio import opened
from lofi_cli.files import written
from lofi_cli.show import printable
from lofi_cli.spectrum import LOWEST_HZ, Spectrogram, spectrogram
from lofi_common.api import Track
from lofi_common.units import clock

WIDTH, HEIGHT = 1200, 600
LEFT, TOP, COLUMNS, ROWS = 76, 70, 1010, 462
"""Where the spectrogram lies in the picture."""
RANGE_DB = 70
"""From the loudest down to the darkest colour."""

_BACKGROUND, _TEXT, _FAINT = (18, 18, 24), (232, 232, 238), (150, 150, 162)
_HERTZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
_TICK_SEC = (0.5, 1, 2, 5, 10, 15, 20, 30, 60)
_MOST_TICKS = 12
_CLOCK_FROM_SEC = 60

# From black over violet and orange to a light yellow, evenly brighter: it is read without colours too.
_COLOURS = (
    (4, 3, 14),
    (29, 17, 71),
    (81, 18, 124),
    (131, 38, 129),
    (183, 55, 121),
    (229, 80, 100),
    (251, 135, 97),
    (254, 194, 135),
    (252, 253, 191),
)


def write_picture(track: Track, path: Path, *, force: bool) -> None:
    """Write the track's spectrogram as a PNG file. Raises CacheWriteError, LofiError."""
    with written(path, force=force) as descriptor:
        with opened(track) as file:
            found = spectrogram(file, COLUMNS, ROWS)
        told = PngImagePlugin.PngInfo()
        told.add_itxt("Title", track.prompt)
        told.add_text("Source", f"track {track.track_id}, seed {track.seed}, {track.model_version}")
        with open(descriptor, "wb", closefd=False) as out:
            _save(picture(found, track), out, told)


def _save(image: Image.Image, out: BinaryIO, told: PngImagePlugin.PngInfo) -> None:
    image.save(out, format="PNG", optimize=True, pnginfo=told)


def picture(found: Spectrogram, track: Track) -> Image.Image:
    """RGB, WIDTH × HEIGHT pixels; one pixel of the spectrogram is one of the picture."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    loudest = max(float(found.decibels.max()), float(RANGE_DB - 120))
    shades = np.clip((found.decibels - loudest) / RANGE_DB + 1, 0, 1)
    image.paste(Image.fromarray(colours(shades)), (LEFT, TOP))
    _title(draw, track)
    _frequencies(draw, found)
    _times(draw, found.duration_sec)
    _scale(image, draw, loudest)
    return image


def colours(shades: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Shades 0 … 1 as RGB, one more axis."""
    points = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(shades, points, channel) for channel in zip(*_COLOURS, strict=True)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _title(draw: ImageDraw.ImageDraw, track: Track) -> None:
    title, font = printable(track.prompt), _font(22)
    if draw.textlength(title, font) > COLUMNS:
        while draw.textlength(f"{title}…", font) > COLUMNS:
            title = title[:-1]
        title = f"{title.rstrip()}…"
    draw.text((LEFT, 14), title, _TEXT, font)
    story = f"{track.track_id}  ·  seed {track.seed}  ·  {printable(track.model_version)}"
    draw.text((LEFT, 43), story, _FAINT, _font(14))


def _frequencies(draw: ImageDraw.ImageDraw, found: Spectrogram) -> None:
    font = _font(14)
    for hertz in _HERTZ:
        if hertz > found.hertz[0]:
            continue
        y = TOP + row_of(hertz, found)
        draw.line((LEFT - 6, y, LEFT - 1, y), _FAINT)
        label = f"{hertz} Hz" if hertz < 1000 else f"{hertz // 1000} kHz"
        draw.text((LEFT - 10, y), label, _TEXT, font, anchor="rm")


def row_of(hertz: float, found: Spectrogram) -> int:
    """The row of the spectrogram that holds a frequency."""
    top = float(found.hertz[0])
    return round(math.log(top / hertz) / math.log(top / LOWEST_HZ) * (len(found.hertz) - 1))


def _times(draw: ImageDraw.ImageDraw, duration_sec: float) -> None:
    font = _font(14)
    fitting = [step for step in _TICK_SEC if duration_sec / step <= _MOST_TICKS]
    step = fitting[0] if fitting else duration_sec
    bottom = TOP + ROWS
    for number in range(int(duration_sec / step + 1e-9) + 1):
        time = number * step
        x = LEFT + min(COLUMNS - 1, round(time / duration_sec * COLUMNS))
        draw.line((x, bottom, x, bottom + 5), _FAINT)
        draw.text((x, bottom + 10), _time_label(time, duration_sec), _TEXT, font, anchor="mt")
    middle = LEFT + COLUMNS // 2
    words = "seconds" if duration_sec < _CLOCK_FROM_SEC else "minutes : seconds"
    draw.text((middle, bottom + 34), words, _FAINT, font, anchor="mt")


def _time_label(time: float, duration_sec: float) -> str:
    return f"{time:g}" if duration_sec < _CLOCK_FROM_SEC else clock(time)


def _scale(image: Image.Image, draw: ImageDraw.ImageDraw, loudest: float) -> None:
    """The colours and their decibels, right of the spectrogram."""
    left, font = LEFT + COLUMNS + 24, _font(14)
    ramp = np.repeat(np.linspace(1, 0, ROWS, dtype=np.float32)[:, np.newaxis], 16, axis=1)
    image.paste(Image.fromarray(colours(ramp)), (left, TOP))
    for below in range(0, RANGE_DB + 1, 20):
        y = TOP + round(below / RANGE_DB * (ROWS - 1))
        draw.line((left + 16, y, left + 20, y), _FAINT)
        draw.text((left + 25, y), f"{loudest - below:.0f} dB", _TEXT, font, anchor="lm")
