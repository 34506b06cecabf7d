"""Decides what the radio asks for and what is heard next. Events in, actions out; no sockets, files or clock.

At most one piece is being made. It is asked for when less than the wanted amount lies ready, so that never
more than that and a piece does, and joins the list once it is whole: until then the playback holds the last
one by going round in its last bars. Only the first piece is heard while it is made, once it would be whole in
time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from lofi_broker import radio_events as ev
from lofi_broker.radio_events import Piece, Scene
from lofi_broker.radio_line import Item, Line
from lofi_broker.radio_prompts import Prompts
from lofi_common.api_radio import RadioMode, RadioState, Strategy
from lofi_common.jobs import CHOSEN_SEED_BITS

DRY_SEC = 10.0
"""With less than this ready, a piece is asked for even where others wait."""
HALF = 0.5
"""The share of a track after which the next one is asked for, whatever lies ready."""
POLITE_SHARE = 0.5
"""Of the wanted amount, for a machine that should be spared."""
FIRST_SEC = 0.5
"""Of the first piece, before it is heard while it is made."""
SLACK = 1.3
"""How wrong the time may be that the rest of the first piece is said to take."""
RETRY_SEC = (1.0, 5.0, 15.0, 60.0)
FIRST_TRIES = 2
"""Before anything was heard: so many pieces may fail in a row, or the sound so many times."""
SOUND_RETRY_SEC = (1.0, 5.0, 15.0)
"""After a failure of the sound: a sound server that is started anew is away for seconds."""
FALLS_WITHIN_SEC = 60.0
"""Failures of the sound that are closer together than that belong together."""


@dataclass(frozen=True)
class Plan:
    """What somebody asked for, every default filled in."""

    mode: RadioMode
    strategy: Strategy
    prompt: str | None
    seed: int
    track_sec: int
    ahead_sec: float
    own_way: bool = False
    """Nobody chose a strategy: a prompt that is asked for later stays."""


class Radio:
    """One radio, from its start to its end."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        dice = Random(plan.seed)
        self.prompts = Prompts(plan.strategy, plan.prompt, dice)
        self.message: str | None = None
        """What has gone wrong lately."""
        self._dice = dice
        self._number = 0
        self._era = 0
        self._asked: Piece | None = None
        """What was asked for and has not ended."""
        self._asked_at = 0.0
        self._wanted: Item | None = None
        """The same, once it has a job."""
        self._again: Piece | None = None
        """A piece that was withdrawn for others, to be asked for again."""
        self._line = Line()
        self._sounded = False
        """Whether anything was heard yet."""
        self._end: Item | None = None
        """Where the chain of a stream goes on."""
        self._under_sec = 0
        """Of a stream: what was made under its prompt."""
        self._took_sec = 0.0
        """From asking for the last piece to its end."""
        self._dry = False
        """Whether what is heard is about to be repeated."""
        self._full = False
        self._failures = 0
        self._retry_at = 0.0
        self._falls = 0
        """Failures of the sound, one soon after the other."""
        self._fell_at = 0.0
        self._sound_at = 0.0
        """Until then nothing is given to the playback, which has failed."""
        self._now = 0.0
        """The time that was told last."""
        self._gave_up = False

    # what is told of it

    @property
    def state(self) -> RadioState:
        if self._gave_up:
            return "failed"
        return "playing" if self._line.now is not None else "starting"

    @property
    def heard(self) -> str | None:
        return self._line.now.track_id if self._line.now is not None else None

    @property
    def prompt(self) -> str:
        return self._line.now.piece.prompt if self._line.now is not None else self._coming_prompt()

    @property
    def next_prompt(self) -> str | None:
        coming = self._coming_prompt()
        return coming if coming != self.prompt else None

    def _coming_prompt(self) -> str:
        if self.prompts.waits:
            return self.prompts.current
        pieces = [*(item.piece for item in self._line.upcoming()), self._asked, self._again]
        fresh = [piece.prompt for piece in pieces if piece is not None and piece.era == self._era]
        kept = self._line.now.piece.prompt if self._line.now is not None else self.prompts.current
        return fresh[0] if fresh else kept

    @property
    def retry_at(self) -> float | None:
        """When it has to be told the time, if nothing else happens until then; never a time that it has been
        told of already."""
        piece = self._retry_at if self._asked is None and self._failures else 0.0
        sound = self._sound_at if self._line.ready() else 0.0
        return min((at for at in (piece, sound) if at > self._now), default=None)

    def end(self) -> list[ev.Action]:
        """What is to be done about its pieces when somebody ends it."""
        withdrawn = [ev.Withdraw(self._wanted.track_id)] if self._wanted is not None else []
        return [*withdrawn, *self._line.end()]

    # what happens

    def handle(self, event: ev.Event, scene: Scene) -> list[ev.Action]:
        """Apply one event and return what must follow from it, in order.

        After actions the scene is another one: a Tick with that has to follow.
        """
        self._now = scene.now
        actions = self._apply(event, scene) or self._go_on(scene) if not self._gave_up else []
        if actions or self._gave_up:
            return actions
        last = self._line.going and not self._line.upcoming()
        self._dry = last and (self._dry or scene.ahead_sec < DRY_SEC)
        return [*self._stand_back(scene), *self._ask(scene), *self._line.clear(self._needed())]

    def _apply(self, event: ev.Event, scene: Scene) -> list[ev.Action]:
        match event:
            case ev.Accepted():
                return self._accepted(event, scene)
            case ev.Refused(number, message, full) if self._asked and self._asked.number == number:
                return self._refused(message, scene, full=full)
            case ev.Begun(track_id) if (item := self._is_wanted(track_id)) is not None:
                item.begun = True
            case ev.Grew(track_id, audio_sec, eta_sec) if (item := self._is_wanted(track_id)) is not None:
                in_time = eta_sec * SLACK + FIRST_SEC <= item.piece.duration_sec
                may_play = not self._line.going and scene.now >= self._sound_at
                if may_play and audio_sec >= FIRST_SEC and in_time:
                    return self._line.play([item])
            case ev.Made(track_id) if (item := self._is_wanted(track_id)) is not None:
                return self._made(item, scene)
            case ev.Failed(track_id, message) if self._is_wanted(track_id) is not None:
                return self._failed(message, scene)
            case ev.Room():
                self._full = False
            case ev.Heard(track_id):
                if self._line.heard(track_id):
                    self._sounded, self._dry = True, False
            case ev.Lost(track_id):
                self._line.lost(track_id)
            case ev.Silence(message):
                return self._silence(message, scene)
            case ev.Wish(prompt):
                return self._wish(prompt)
        return []

    def _is_wanted(self, track_id: str) -> Item | None:
        return self._wanted if self._wanted is not None and self._wanted.track_id == track_id else None

    def _accepted(self, event: ev.Accepted, scene: Scene) -> list[ev.Action]:
        if self._asked is None or self._asked.number != event.number:  # it was taken back meanwhile
            return [ev.Withdraw(event.track_id)]
        self._wanted = Item(event.track_id, self._asked)
        return self._made(self._wanted, scene) if event.made else []

    def _refused(self, message: str, scene: Scene, *, full: bool) -> list[ev.Action]:
        if not full:
            return self._failed(message, scene)
        self._full, self.message = True, message
        self._again, self._asked = self._asked, None
        return []

    def _failed(self, message: str, scene: Scene) -> list[ev.Action]:
        """The next piece begins another chain: what this one continues may be what can't be continued."""
        self._asked = self._wanted = self._end = None
        self._failures += 1
        self.message = f"a piece could not be made: {message}"
        self._retry_at = scene.now + RETRY_SEC[min(self._failures, len(RETRY_SEC)) - 1]
        if self._sounded or self._failures < FIRST_TRIES:
            return []
        return self._give_up(self.message)

    def _give_up(self, message: str) -> list[ev.Action]:
        self._gave_up, self.message = True, message
        return [*self.end(), ev.GiveUp(message)]

    def _made(self, item: Item, scene: Scene) -> list[ev.Action]:
        self._took_sec = scene.now - self._asked_at
        self._failures = 0
        self.message = self.message if scene.now < self._sound_at else None
        self._asked = self._wanted = None
        item.made = True
        fresh = item.piece.era == self._era
        if fresh:
            self.prompts.made()
        if not fresh and self._line.upcoming():  # it would only be in the way of the new prompt
            return [ev.Delete(item.track_id)] if item.piece.segment else []
        if item.piece.segment:
            self._end = item
            self._under_sec += item.piece.duration_sec
        if item in self._line:  # it is heard since before, or will be
            return []
        stale = [each for each in self._line.stale(self._era) if each.track_id != item.piece.continue_from]
        dropped = self._line.drop(stale if fresh else [])
        return [*dropped, *self._line.add(item)]

    def _silence(self, message: str | None, scene: Scene) -> list[ev.Action]:
        """After a failure of the sound: in a while once more, from the beginning of what was heard."""
        went = self._line.going
        self._line.stopped(failed=message is not None)
        self._dry = False
        if message is None and self._wanted is not None and self._wanted.over:  # skipped while it grows
            return self._take_back()
        if message is None or not went:
            return []
        self.message = f"the sound has failed: {message}"
        self._falls = self._falls + 1 if scene.now - self._fell_at < FALLS_WITHIN_SEC else 1
        self._fell_at = scene.now
        if self._falls > len(SOUND_RETRY_SEC) or (not self._sounded and self._falls >= FIRST_TRIES):
            return self._give_up(self.message)
        self._sound_at = scene.now + SOUND_RETRY_SEC[self._falls - 1]
        return []

    def _go_on(self, scene: Scene) -> list[ev.Action]:
        """Where nothing is heard, let be heard what lies ready."""
        ready = self._line.ready() if scene.now >= self._sound_at else []
        return self._line.play(ready) if ready else []

    def _wish(self, prompt: str) -> list[ev.Action]:
        self.prompts.change(prompt)
        if self.plan.own_way:
            self.prompts.strategy = "same_prompt"
        self._era += 1
        self._failures, self._retry_at = 0, 0.0
        self._again = None
        return self._take_back() if self._wanted is None or not self._wanted.begun else []

    def _take_back(self) -> list[ev.Action]:
        """Cancel what no worker has begun."""
        wanted, self._asked, self._wanted = self._wanted, None, None
        return [ev.Withdraw(wanted.track_id)] if wanted is not None else []

    # what comes next

    def _stand_back(self, scene: Scene) -> list[ev.Action]:
        """Let others go first while there is something to hear."""
        queued = self._wanted is not None and not self._wanted.begun
        if not (queued and scene.others_wait and self._line.going) or self._dry:
            return []
        self._again = self._asked
        return self._take_back()

    def _ask(self, scene: Scene) -> list[ev.Action]:
        waits = self._asked is not None or self._full or scene.now < self._retry_at
        if waits or not self._due(scene):
            return []
        self._asked, self._again = self._next_piece(scene), None
        self._asked_at = scene.now
        return [ev.Ask(self._asked)]

    def _due(self, scene: Scene) -> bool:
        if not self._line.going:
            return not self._line.ready()
        if scene.others_wait:
            return self._dry
        if self.prompts.waits:
            return True
        wanted_sec = self.plan.ahead_sec * (POLITE_SHARE if scene.polite else 1.0)
        if scene.ahead_sec < wanted_sec:
            return True
        half_heard = scene.position_sec >= HALF * scene.duration_sec
        return half_heard and not self._line.upcoming() and not scene.polite

    def _next_piece(self, scene: Scene) -> Piece:
        base = self._base(scene) if self.plan.mode == "stream" else None
        before = base.track_id if base is not None else None
        again = self._again
        if again is not None and (again.version, again.continue_from) == (scene.pace.version, before):
            return again
        self._number += 1
        piece = Piece(
            number=self._number,
            prompt=self._next_prompt(),
            seed=base.piece.seed if base is not None else self._dice.getrandbits(CHOSEN_SEED_BITS),
            duration_sec=self.plan.track_sec,
            version=scene.pace.version,
            era=self._era,
        )
        if self.plan.mode == "playlist":
            return piece
        length = scene.pace.first_sec if base is None else scene.pace.next_sec
        return replace(piece, segment=True, continue_from=before, duration_sec=length)

    def _next_prompt(self) -> str:
        """A stream stays with a preset for as long as a playlist does."""
        stays = self.plan.mode == "stream" and 0 < self._under_sec < self.plan.track_sec
        if stays and not self.prompts.waits:
            return self.prompts.current
        self._under_sec = 0
        return self.prompts.next()

    def _base(self, scene: Scene) -> Item | None:
        """What the next segment continues; None where it begins another chain."""
        base = self._end
        stale, now = self._line.stale(self._era), self._line.now
        if stale and now is not None:  # the earliest point at which the new prompt can be heard
            rest = scene.duration_sec - scene.position_sec
            base = now if rest > self._took_sec * SLACK else stale[0]
        if base is None or not (base.made and base.piece.segment):
            return None
        return base if base.piece.version == scene.pace.version else None

    def _needed(self) -> set[str]:
        """Segments that are continued, or may be."""
        pieces = [piece for piece in (self._asked, self._again) if piece is not None]
        ends = [self._end.track_id] if self._end is not None else []
        return {*ends, *(piece.continue_from for piece in pieces if piece.continue_from is not None)}
