"""What tracks are found by, what is kept of prompts, and a database of an earlier layout."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lofi_broker.library import track_of
from lofi_broker.store import Store
from lofi_common.api import MAX_PROMPT_CHARS, Track
from lofi_common.api_library import AskedPrompt
from lofi_common.errors import LofiError
from lofi_common.jobs import JobState
from tests.support.old_database import to_layout_1, to_layout_2
from tests.unit.scheduling import job


def track(name: str, prompt: str, at: float = 1.0, **more: object) -> Track:
    made = track_of(job(name), status=JobState.COMPLETE, bytes=10, created_at=at)
    return msgspec.structs.replace(made, prompt=prompt, **more)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("index") / "queue.sqlite")
    yield store
    store.close()


@pytest.fixture
def library(store: Store) -> Store:
    store.index.delete([each.track_id for each in store.index.every()])
    store.history.clear()
    prompts = {
        "night": "Rainy Night, mellow piano",
        "cafe": "Café über den Dächern – 75 bpm",
        "summer": "夏の朝 チルなビート",
        "thai": "เพลงฝนตก",
        "percent": '100% lo-fi "tape" hiss \\ AND (NOT) *',
        "file": "ﬁreplace ＷＩＤＥ straße",
    }
    store.index.put_all(track(name, prompt) for name, prompt in prompts.items())
    store.index.put_all(
        [track("tagged", "quiet", tags=["Late Work", "é"]), track("loved", "quiet", favourite=True)]
    )
    return store


def found(store: Store, query: str = "", **chosen: object) -> set[str]:
    tracks, total = store.index.page(limit=1000, offset=0, query=query, **chosen)  # type: ignore[arg-type]
    assert total == len(tracks)
    return {each.track_id for each in tracks}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("piano rain", {"night"}),
        ("RAINY", {"night"}),
        ("iano", {"night"}),
        ("rainy drums", set()),
        ("cafe dachern", {"cafe"}),
        ("ÜBER", {"cafe"}),
        ("75", {"cafe"}),
        ("夏", {"summer"}),
        ("の朝", {"summer"}),
        ("チルな", {"summer"}),
        ("朝 ビート", {"summer"}),
        ("ฝน", {"thai"}),
        ("fireplace", {"file"}),
        ("wide STRASSE", {"file"}),
        ("100%", {"percent"}),
        ("%", {"percent"}),
        ("_", set()),
        ("\\", {"percent"}),
        ('"tape"', {"percent"}),
        ("AND (NOT) *", {"percent"}),
        ("lo-fi", {"percent"}),
        ("late work", {"tagged"}),
        ("m-1 mellow", {"night"}),
        ("-hiss", set()),
        ("words:night", set()),
        ("\0", {"night", "cafe", "summer", "thai", "percent", "file", "tagged", "loved"}),
        ("rai\0iny", {"night"}),
        ("\ud800", {"night", "cafe", "summer", "thai", "percent", "file", "tagged", "loved"}),
    ],
)
def test_words_find(library: Store, query: str, names: set[str]) -> None:
    assert found(library, query) == names


def test_favourites_and_tags_choose(library: Store) -> None:
    assert found(library, favourites=True) == {"loved"}
    assert found(library, "quiet", tag="late WORK") == {"tagged"} == found(library, tag="E")
    assert found(library, tag="late") == set()


def test_what_has_changed_is_found_as_it_is_now(library: Store) -> None:
    library.index.put_all([track("night", "sunny day")])
    assert found(library, "rainy") == set() and found(library, "sunny") == {"night"}
    library.index.delete(["night"])
    assert found(library, "sunny") == set()


def test_tokens_take_room_too(library: Store) -> None:
    number, size = library.index.stats()
    library.index.put_all([track("more", "sun", bytes=1000, tokens_bytes=10)])
    assert library.index.stats() == (number + 1, size + 1010)
    assert {each.bytes for each in library.index.held() if each.track_id == "more"} == {1010}


def test_pieces_of_streams_are_not_listed_and_not_counted(library: Store) -> None:
    before = library.index.stats()
    library.index.put_all([track("piece", "quiet stream", segment=True)])
    assert "piece" not in found(library) | found(library, "stream")
    assert library.index.stats() == before and "piece" not in {each.track_id for each in library.index.held()}
    assert library.index.track("piece") is not None
    assert "piece" in {each.track_id for each in library.index.every()}


any_text = st.text(st.characters(), max_size=200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(any_text, st.data())
def test_any_part_of_any_word_finds_its_track(library: Store, prompt: str, data: st.DataObject) -> None:
    prompt = prompt.encode(errors="ignore").decode()
    library.index.put_all([track("any", prompt)])
    words = prompt.split()
    assert "any" in found(library, " ".join(data.draw(st.permutations(words))))
    if words:
        word = data.draw(st.sampled_from(words))
        start = data.draw(st.integers(0, len(word) - 1))
        # A letter and its accents stay together: what is cut from it would be another letter.
        assert "any" in found(library, word[start:]) or not word.isascii()
    assert "any" in found(library, prompt.upper()) or not prompt.isascii()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.text(max_size=1000), st.text(max_size=40))
def test_no_text_is_an_error(library: Store, query: str, tag: str) -> None:
    found(library, query, tag=tag)
    library.history.page(limit=10, query=query)


def test_very_many_words_are_no_error(library: Store) -> None:
    many = [chr(0x4E00 + n) for n in range(750)]
    words = [
        " ".join(many[:500]),
        " ".join(map("".join, zip(many[:250], many[250:500], many[500:], strict=True))),
    ]
    for query in [" ".join(f"w{n}" for n in range(300)), *(each[:MAX_PROMPT_CHARS] for each in words)]:
        assert found(library, query) == set() and library.history.page(limit=10, query=query) == ([], 0)


def test_a_damaged_search_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    with closing(Store(path)) as store:
        store.index.put_all([track("night", "rainy night")])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM track_words_data WHERE id > 10")
    with closing(Store(path)) as store:
        store.check()
        store.index.mend_search()
        assert found(store, "rainy") == {"night"}


def test_a_prompt_is_remembered_with_how_often_and_when(library: Store) -> None:
    for at, prompt in enumerate(("Rainy Café", "snow", "Rainy Café")):
        library.history.asked(prompt, float(at))
    rainy = AskedPrompt(prompt="Rainy Café", asked=2, asked_at=2.0)
    assert library.history.page(limit=9, query="") == (
        [rainy, AskedPrompt(prompt="snow", asked=1, asked_at=1.0)],
        2,
    )
    assert library.history.page(limit=9, query="cafe RAIN") == ([rainy], 1)
    assert library.history.page(limit=1, query="")[1] == 2
    assert library.history.clear() == 2 and library.history.page(limit=9, query="") == ([], 0)


def test_of_too_many_prompts_the_oldest_are_forgotten(
    library: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lofi_broker.history.MOST_PROMPTS", 3)
    for at in range(5):
        library.history.asked(f"prompt {at}", float(at))
    library.history.asked("prompt 2", 9.0)
    prompts, total = library.history.page(limit=9, query="")
    assert [each.prompt for each in prompts] == ["prompt 2", "prompt 4", "prompt 3"] and total == 3


def test_an_sqlite_that_can_t_search_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = resources.files("lofi_broker").joinpath("schema.sql").read_text()
    for part, without in (("fts5 (", "fts55 ("), ("'trigram", "'trigrams")):
        poor = schema.replace(part, without)
        assert poor != schema
        monkeypatch.setattr(Path, "read_text", lambda self, poor=poor: poor)
        with pytest.raises(LofiError, match="of this Python has no full-text search"):
            Store(tmp_path / without)


@pytest.mark.parametrize("back", [to_layout_1, to_layout_2])
def test_a_database_of_an_earlier_layout_is_taken_over(tmp_path: Path, back: Callable[[Path], None]) -> None:
    path = tmp_path / "queue.sqlite"
    with closing(Store(path)) as store:
        store.index.put_all([track("a", "rainy night", 5.0), track("b", "rainy night", 7.0)])
        store.save(job("waits"), 1.0)
        store.history.asked("rainy night", 5.0)
        store.history.asked("rainy night", 7.0)
        before = store.index.every()
    back(path)
    for _ in range(2):
        with closing(Store(path)) as store:
            store.check()
            assert store.index.every() == before and found(store, "night") == {"a", "b"}
            assert store.history.page(limit=9, query="")[0] == [
                AskedPrompt(prompt="rainy night", asked=2, asked_at=7.0)
            ]
            assert [each.used_at for each in sorted(store.index.held())] == [5.0, 7.0]
            assert [(each.track_id, each.radio) for each in store.active_jobs()] == [("waits", False)]
    with closing(Store(path)) as store:
        store.save(job("piece", radio=True), 1.0)
        assert store.job("piece") == job("piece", radio=True)
        store.index.put_all([track("piece", "rain", radio=True)])
        assert [each.track_id for each in store.index.held() if each.radio] == ["piece"]


def test_a_take_over_that_was_cut_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "queue.sqlite"
    with closing(Store(path)) as store:
        store.index.put_all([track("a", "rainy night")])
    to_layout_1(path)
    with monkeypatch.context() as patched:
        patched.setattr("lofi_broker.layout.folded", None)
        with pytest.raises(Exception, match="queue's database"):
            Store(path)
    with closing(Store(path)) as store:
        assert found(store, "rainy") == {"a"}
