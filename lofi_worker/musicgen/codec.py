"""From codes to audio, in a stream."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lofi_worker.engine import State
from lofi_worker.musicgen.session import Session, empty_input

STATE = "state."


class CodecStream:
    """The codec graph on its way through one track."""

    def __init__(self, session: Session, state: State | None = None) -> None:
        """state: of a stream that this one takes up. Raises KeyError, ValueError when it does not fit."""
        self._session = session
        states = {name: each for name, each in session.inputs.items() if name.startswith(STATE)}
        self._state: State = {
            name: empty_input(each) if state is None else state[name] for name, each in states.items()
        }
        for name, each in states.items():
            _check(name, self._state[name], empty_input(each))
        self._outputs = ["audio", *(f"next_{name}" for name in self._state)]

    @property
    def state(self) -> State:
        """What another stream needs to go on from here; the graph's own names."""
        return dict(self._state)

    def push(self, codes: NDArray[np.int64], last: bool) -> NDArray[np.float32]:
        """The audio, float32 [channels, samples], that these codes [frames, codebooks] made certain.

        `last`: no frames follow. Raises ModelInferenceFailed when the graph fails.
        """
        feeds = {"codes": np.ascontiguousarray(codes.T[None]), "last": np.array(last), **self._state}
        audio, *state = self._session.run(feeds, self._outputs)
        self._state = dict(zip(self._state, state, strict=True))
        samples: NDArray[np.float32] = audio[0]
        return samples


def _check(name: str, given: NDArray[Any], empty: NDArray[Any]) -> None:
    """Raises ValueError where the type or a fixed size differs; in `empty` what is dynamic has the size 0."""
    fits = given.ndim == empty.ndim and all(
        size in (0, actual) for actual, size in zip(given.shape, empty.shape, strict=True)
    )
    if given.dtype != empty.dtype or not fits:
        raise ValueError(f"{name} is {given.dtype} {given.shape}")
