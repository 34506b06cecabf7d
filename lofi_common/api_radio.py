"""The part of the protocol that is about the radio: music on the broker's machine that does not end."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from lofi_common.api_base import Method, NoParams, Params, Result

RadioMode = Literal["playlist", "stream"]
"""playlist: track after track, each kept in the library. stream: one piece of music that goes on and on."""
Strategy = Literal["same_prompt", "preset_cycle", "random_preset"]
RadioState = Literal["off", "starting", "playing", "paused", "failed"]
"""starting: the first piece is being made, or the first after a silence, or the sound has failed and is
tried again in a while."""


class RadioStartParams(Params, frozen=True, kw_only=True):
    prompt: str | None = None
    """Of the first piece; absent: the first of the presets."""
    mode: RadioMode | None = None
    """Absent: the setting `radio.mode`."""
    strategy: Strategy | None = None
    """What later pieces are made from. Absent: the setting `radio.strategy`."""
    seed: Annotated[int, Meta(ge=0)] | None = None
    """The same seed gives the same prompts and the same seeds of pieces; absent: one is chosen."""
    model: str | None = None
    """Absent: the selected one, also when another one is selected later."""


class RadioPromptParams(Params, frozen=True, kw_only=True):
    prompt: str
    """From the next piece on."""


class RadioStatus(Result, frozen=True, kw_only=True):
    """Every method of the radio answers with it."""

    state: RadioState
    mode: RadioMode
    strategy: Strategy
    prompt: str
    """Of what is heard; before that, of what is made first. Empty when off."""
    ahead_sec: float
    """Seconds that lie ready after what is heard at this moment."""
    next_prompt: str | None = None
    """Of the next piece, where it is another one."""
    track_id: str | None = None
    """What is heard; absent when nothing is."""
    making: str | None = None
    """The piece that is queued or generated; told before its `generation_start`."""
    polite: str | None = None
    """Why pieces are made later than usual: the machine runs on battery, or has much to do."""
    message: str | None = None
    """Why it failed, or why the next piece is late; when off, why it has ended, unless
    `radio_stop` did it."""
    recovery: str | None = None
    """What can be done, where it failed."""
    number: int | None = None
    """Which radio since the broker's start, counted from 1; of the last one when off. Absent before the
    first."""


METHODS: dict[str, Method] = {
    "radio_start": Method(RadioStartParams, RadioStatus),
    "radio_prompt": Method(RadioPromptParams, RadioStatus),
    "radio_stop": Method(NoParams, RadioStatus),
    "radio_status": Method(NoParams, RadioStatus),
}


class RadioChanged(RadioStatus, frozen=True, kw_only=True):
    """Whenever something of it but `ahead_sec` has changed."""


NOTIFICATIONS: dict[str, type[Result]] = {"radio_changed": RadioChanged}
