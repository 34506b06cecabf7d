"""Files are opened for an order before it is obeyed, so that a slow disk does not silence what plays."""

from __future__ import annotations

from lofi_common import player_messages as pm
from lofi_common.errors import LofiError
from lofi_player.growing import GrowingFile
from lofi_player.sound import Sound
from lofi_player.source import Source
from lofi_player.voice import Voice

Opened = Voice | GrowingFile | LofiError | None
"""What a Play or a Next is to play, what a Regrow goes on with, or why there is none."""


def open_for(order: pm.Order) -> Opened:
    try:
        match order:
            case pm.Play() | pm.Next():
                return _voice(order)
            case pm.Regrow(path=path):
                return GrowingFile(path)
    except LofiError as error:
        return error
    return None


def _voice(order: pm.Play | pm.Next) -> Voice:
    sound: Sound = GrowingFile(order.path) if order.growing else Source(order.path)
    voice = Voice(
        order.number,
        sound,
        gain_db=order.gain_db,
        joined=isinstance(order, pm.Next) and order.joined,
        repeat=order.repeat,
        hold=order.hold,
    )
    if order.start_sec:
        voice.seek(round(order.start_sec * voice.rate))
    return voice
