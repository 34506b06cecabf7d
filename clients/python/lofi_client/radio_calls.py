"""What can be asked of the radio, as `calls` has it."""

from __future__ import annotations

from lofi_client.calls import Call
from lofi_common import api, api_radio
from lofi_common.api_radio import RadioMode, RadioStatus, Strategy


def radio(
    prompt: str | None = None,
    *,
    mode: RadioMode | None = None,
    strategy: Strategy | None = None,
    seed: int | None = None,
    model: str | None = None,
) -> Call[RadioStatus]:
    """Start the radio: music on the broker's machine that does not end, in the place of what plays.

    prompt: of the first piece, else a preset. mode: "playlist", tracks that are kept, or "stream", one piece
    of music that goes on. strategy: what later pieces are made from, "same_prompt", "preset_cycle" or
    "random_preset". What is not given is as the settings say. Raises InvalidPrompt, AudioDeviceError, or what
    is wrong with the model.
    """
    params = api_radio.RadioStartParams(prompt=prompt, mode=mode, strategy=strategy, seed=seed, model=model)
    return Call("radio_start", params, RadioStatus)


def set_radio_prompt(prompt: str) -> Call[RadioStatus]:
    """From its next piece on the radio has this prompt. Raises InvalidPrompt, InvalidParams while it is
    off."""
    return Call("radio_prompt", api_radio.RadioPromptParams(prompt=prompt), RadioStatus)


def stop_radio() -> Call[RadioStatus]:
    """End the radio and its music, if it is on."""
    return Call("radio_stop", api.NoParams(), RadioStatus)


def radio_status() -> Call[RadioStatus]:
    """What the radio plays, what comes next, and how much of it lies ready."""
    return Call("radio_status", api.NoParams(), RadioStatus)
