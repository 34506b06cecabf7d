"""A world for the radio to run in: a clock, a queue with one worker of any speed, a playback that holds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from lofi_broker import radio_events as ev
from lofi_broker.radio import Plan, Radio
from lofi_broker.radio_events import Pace, Scene
from lofi_common.api_radio import RadioMode

MODES: tuple[RadioMode, ...] = ("playlist", "stream")
STEP_SEC = 0.5
HOLD_SEC = 8.0
PACE = Pace("m-1", first_sec=30, next_sec=18)


def plan(**chosen: object) -> Plan:
    usual = Plan(mode="playlist", strategy="same_prompt", prompt="rain", seed=1, track_sec=60, ahead_sec=60.0)
    return dataclasses.replace(usual, **chosen)  # type: ignore[arg-type]


@dataclass
class Job:
    piece: ev.Piece
    track_id: str
    left_sec: float
    """Of work."""
    begun: bool = False


@dataclass
class World:
    """Runs in real time by half a second. `speed`: seconds of music made in one second."""

    radio: Radio
    speed: float = 8.0
    now: float = 100.0
    pace: Pace = PACE
    polite: str | None = None
    paused: bool = False
    most_pending: int = 10
    deaf_until: float = 0.0
    """Until then no device takes any sound."""
    failing: set[str] = field(default_factory=set)
    """Prompts whose pieces fail."""
    queue: list[Job] = field(default_factory=list)
    songs: list[str] = field(default_factory=list)
    index: int = 0
    position: float = 0.0
    pieces: dict[str, ev.Piece] = field(default_factory=dict)
    made: dict[str, float] = field(default_factory=dict)
    """Seconds of each whole piece."""
    deleted: set[str] = field(default_factory=set)
    # what came of it
    heard: list[tuple[float, str]] = field(default_factory=list)
    tries: list[float] = field(default_factory=list)
    """When something was to be heard in the place of everything else."""
    joins: list[tuple[str, bool]] = field(default_factory=list)
    silent_sec: float = 0.0
    """After the first sound."""
    held_sec: float = 0.0
    most_ahead: float = 0.0
    withdrawn: int = 0
    gave_up: str | None = None
    others_done: int = 0
    _others: int = 0

    # the radio's side

    def feed(self, event: ev.Event) -> None:
        events = [event]
        while events:
            for action in self.radio.handle(events.pop(0), self.scene()):
                follows = self._do(action)
                events += [*follows, ev.Tick()]
                if any(isinstance(each, ev.Silence) for each in follows):
                    break

    def scene(self) -> Scene:
        waiting = [job for job in self.queue if not job.begun and job.piece.number < 0]
        return Scene(
            now=self.now,
            pace=self.pace,
            ahead_sec=self.ahead(),
            position_sec=self.position,
            duration_sec=self._length(self.songs[self.index]) if self.playing else 0.0,
            others_wait=bool(waiting),
            polite=self.polite,
        )

    @property
    def playing(self) -> bool:
        return self.index < len(self.songs)

    def _length(self, track_id: str) -> float:
        return self.made.get(track_id) or float(self.pieces[track_id].duration_sec)

    def ahead(self) -> float:
        if not self.playing:
            return 0.0
        return sum(self._ready(track_id) for track_id in self.songs[self.index :]) - self.position

    def _ready(self, track_id: str) -> float:
        if track_id in self.made:
            return self.made[track_id]
        job = next((job for job in self.queue if job.track_id == track_id), None)
        return self.pieces[track_id].duration_sec - job.left_sec * self.speed if job else 0.0

    def _do(self, action: ev.Action) -> list[ev.Event]:
        match action:
            case ev.Ask(piece):
                return [self._take(piece)]
            case ev.Withdraw(track_id):
                self.withdrawn += 1
                self.queue = [job for job in self.queue if job.track_id != track_id]
            case ev.Play(track_id):
                assert track_id not in self.deleted
                self.tries.append(self.now)
                if self.now < self.deaf_until:
                    return [ev.Silence("no device")]
                self.songs, self.index, self.position = [track_id], 0, 0.0
                return self._begin()
            case ev.Add(track_id, continues):
                assert self.playing and track_id in self.made and track_id not in self.deleted
                assert continues == self.pieces[track_id].continue_from
                self.joins.append((track_id, continues == self.songs[-1]))
                self.songs.append(track_id)
            case ev.Drop(track_id):
                if track_id in self.songs:
                    place = self.songs.index(track_id)
                    assert place != self.index, "what is heard was taken away"
                    self.songs.remove(track_id)
                    self.index -= place < self.index
            case ev.Delete(track_id):
                assert track_id not in self.songs and track_id not in self.deleted
                assert all(job.piece.continue_from != track_id for job in self.queue)
                self.deleted.add(track_id)
            case ev.GiveUp(message):
                self.gave_up = message
        return []

    def _take(self, piece: ev.Piece) -> ev.Event:
        assert piece.continue_from is None or piece.continue_from in self.made.keys() - self.deleted
        assert not [job for job in self.queue if job.piece.number > 0], "two pieces at a time"
        if len([job for job in self.queue if not job.begun]) >= self.most_pending:
            return ev.Refused(piece.number, "the queue is full", full=True)
        track_id = f"t{piece.number}"
        self.pieces[track_id] = piece
        self.queue.append(Job(piece, track_id, piece.duration_sec / self.speed))
        return ev.Accepted(piece.number, track_id)

    def _begin(self) -> list[ev.Event]:
        self.heard.append((self.now, self.songs[self.index]))
        return [ev.Heard(self.songs[self.index])]

    # the world's side

    def start(self) -> World:
        self.feed(ev.Tick())
        return self

    def others(self, count: int, seconds: float) -> None:
        """Somebody else queues so many tracks, each of so many seconds of work."""
        for _ in range(count):
            self._others += 1
            piece = ev.Piece(-self._others, "theirs", 1, 30, "m-1", 0)
            self.queue.append(Job(piece, f"other{self._others}", seconds))
        self.feed(ev.Tick())

    def run(self, seconds: float) -> World:
        for _ in range(round(seconds / STEP_SEC)):
            self.now += STEP_SEC
            self._work()
            self._sound()
            self.feed(ev.Tick())
            self.most_ahead = max(self.most_ahead, self.ahead())
        return self

    def _work(self) -> None:
        if not self.queue:
            return
        job = self.queue[0]
        ours = job.piece.number > 0
        if not job.begun:
            job.begun = True
            if ours:
                self.feed(ev.Begun(job.track_id))
        job.left_sec -= STEP_SEC
        if ours and job.piece.prompt in self.failing:
            self.queue.pop(0)
            self.feed(ev.Failed(job.track_id, "broken"))
            self.feed(ev.Room())
        elif job.left_sec <= 0:
            self.queue.pop(0)
            if ours:
                self.made[job.track_id] = float(job.piece.duration_sec)
                self.feed(ev.Made(job.track_id))
            else:
                self.others_done += 1
            self.feed(ev.Room())
        elif ours:
            audio = job.piece.duration_sec - job.left_sec * self.speed
            self.feed(ev.Grew(job.track_id, audio, job.left_sec))

    def _sound(self) -> None:
        if not self.playing:
            self.silent_sec += STEP_SEC if self.heard else 0.0
            return
        if self.paused:
            return
        track_id = self.songs[self.index]
        if self.position + STEP_SEC > self._ready(track_id) and track_id not in self.made:
            self.silent_sec += STEP_SEC
            return
        self.position += STEP_SEC
        if self.position < self._length(track_id):
            return
        if self.index + 1 < len(self.songs):
            self.index, self.position = self.index + 1, 0.0
            for event in self._begin():
                self.feed(event)
        else:
            self.position -= HOLD_SEC
            self.held_sec += HOLD_SEC

    def skip(self) -> None:
        if self.index + 1 < len(self.songs):
            self.index, self.position = self.index + 1, 0.0
            for event in self._begin():
                self.feed(event)
        else:
            self.songs, self.index, self.position = [], 0, 0.0
            self.feed(ev.Silence())

    def lose_the_player(self, deaf_sec: float = 0.0) -> None:
        """And for so long every other one, too."""
        self.deaf_until = self.now + deaf_sec
        self.songs, self.index, self.position = [], 0, 0.0
        self.feed(ev.Silence("SIGKILL"))

    def prompts(self) -> list[str]:
        """Of what was heard, in its order."""
        return [self.pieces[track_id].prompt for _, track_id in self.heard]


def world(mode: RadioMode = "playlist", speed: float = 8.0, **chosen: object) -> World:
    """One in which a radio has begun."""
    return World(Radio(plan(mode=mode, **chosen)), speed).start()
