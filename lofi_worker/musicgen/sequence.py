"""What the decoder is fed: a sequence of frames in windows, so that there may be any number of them.

Source: audiocraft's extended generation (`BaseGenModel._generate_tokens`). A window holds `frames` frames;
once it is full, all but its first `stride` become the prompt of the next one, whose positions begin at 0:

    window 0   0 ........................ 1499
    window 1               900 ............ 1499 | 1500 ......... 2399
    window 2                             1800 ............ 2399 | 2400 ........ 3299

The frames of a header stay in front of each window; `stride` counts those behind it. The codes of a prompt
are known in all codebooks, the delayed ones too, so none of them is sampled again.
"""

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import Manifest
from lofi_worker.musicgen import delay


class Sequence:
    """The window that a sequence has come to. Columns and positions are the window's, frames the whole's."""

    def __init__(
        self, manifest: Manifest, known: NDArray[np.int64], skipped: int = 0, end: int | None = None
    ) -> None:
        """known: the codes [frames, codebooks] that there are, the header first, then what follows `skipped`
        frames; more than a window holds are skipped as well. end: frames of the whole sequence, if it ends.
        """
        self._spec = manifest.decoder
        self._header = manifest.codec.header_frames
        self._window = manifest.windows()
        self._end = end
        most = manifest.decoder.max_steps - max(manifest.decoder.delays)
        self._size = self._window.frames if self._window is not None else most
        if self._window is not None and len(known) >= self._size:
            beyond = ((len(known) - self._size) // self._window.stride + 1) * self._window.stride
            known = self._without(known, beyond)
            skipped += beyond
        self._begin(known, skipped)

    def _begin(self, known: NDArray[np.int64], skipped: int) -> None:
        """A window with the prompt `known`, which is no longer than it."""
        self.skipped = skipped
        """Frames behind the header that the window has left behind."""
        self._known = len(known)
        self._limit = self._size if self._end is None else min(self._size, self._end - skipped)
        shape = (delay.steps_for(self._limit, self._spec.delays) + 1, self._spec.codebooks)
        self._columns = np.full(shape, self._spec.codebook_size, np.int64)
        for q, shift in enumerate(self._spec.delays):
            self._columns[1 + shift : 1 + shift + self._known, q] = known[:, q]
        self.position = self._known
        """Of the column that is fed next."""
        self.prefilled = 0
        """Columns from 0 on whose keys and values are in the cache; those before `position` must be."""

    @property
    def frames(self) -> int:
        """That are complete in all codebooks."""
        complete = delay.complete_frames(self.position, self._spec.delays)
        return self.skipped + min(self._limit, max(self._known, complete))

    @property
    def full(self) -> bool:
        """The window has no more frames to give."""
        return self.position == delay.steps_for(self._limit, self._spec.delays)

    @property
    def slides(self) -> bool:
        """There may be a window after this one."""
        return self._window is not None

    def slide(self) -> None:
        """Begins the next window. Raises ValueError where there is none."""
        if self._window is None or not self.full:
            raise ValueError("only a full window slides")
        self._begin(self._without(self.window(), self._window.stride), self.skipped + self._window.stride)

    def window(self) -> NDArray[np.int64]:
        """The complete frames of the window, int64 [frames, codebooks], the header's first."""
        return delay.undelay(self._columns, self._spec.delays, 0, self.frames - self.skipped)

    def columns(self, start: int, stop: int) -> NDArray[np.int64]:
        """What is fed at these positions, int64 [columns, codebooks]."""
        return self._columns[start:stop]

    def push(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The codes [codebooks] sampled at `position` fill the next column as far as they belong there.

        Returns the frames that this made complete, int64 [0 or 1, codebooks].
        """
        before = self.frames
        self.position += 1
        frame = self.position - 1 - np.asarray(self._spec.delays)
        filled = (frame >= self._known) & (frame < self._limit)
        self._columns[self.position, filled] = codes[filled]
        self.prefilled = self.position
        return delay.undelay(
            self._columns, self._spec.delays, before - self.skipped, self.frames - self.skipped
        )

    def _without(self, codes: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """Codes of a window without the `first` frames behind the header."""
        return np.concatenate([codes[: self._header], codes[self._header + first :]])
