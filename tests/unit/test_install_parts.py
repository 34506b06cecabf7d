"""Names of sources, patience, answers of the Hub, and folders that change places."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from lofi_common.errors import ErrorInfo, InvalidParams, LofiError, ModelDownloadFailed
from lofi_common.installs import (
    Agreement,
    Asking,
    CatalogueName,
    Done,
    Download,
    Failed,
    HubRepo,
    Importing,
    Line,
    LocalFolder,
    Plan,
    PlannedFile,
    Source,
    check_name,
    decode_line,
    default_name,
    encode_line,
    parse_source,
)
from lofi_worker.install.answers import Transient, no_answer, refusal, retry_after
from lofi_worker.install.lines import DownloadLines, ImportLines
from lofi_worker.install.patience import Pace, Patience, PatienceSettings
from lofi_worker.install.places import Places


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("musicgen-small", CatalogueName(name="musicgen-small"), "musicgen-small"),
        ("facebook/MusicGen-Small", HubRepo(repo="facebook/MusicGen-Small"), "musicgen-small"),
        ("a/b@v1.0", HubRepo(repo="a/b", revision="v1.0"), "b"),
        ("a/b:c_d/e", HubRepo(repo="a/b", subfolder="c_d/e"), "b-c_d-e"),
        ("a/b@refs/pr/1:c", HubRepo(repo="a/b", revision="refs/pr/1", subfolder="c"), "b-c"),
        ("/models/My Model", LocalFolder(path=Path("/models/My Model")), "my-model"),
        ("/models/.hidden", LocalFolder(path=Path("/models/.hidden")), "hidden"),
        ("/", LocalFolder(path=Path("/")), "model"),
    ],
)
def test_sources_and_the_names_that_they_give(text: str, source: Source, name: str) -> None:
    assert parse_source(text) == source
    assert default_name(source) == name


def test_a_folder_may_be_relative_or_at_home() -> None:
    assert parse_source("./x") == LocalFolder(path=Path.cwd() / "x")
    assert parse_source("~/x") == LocalFolder(path=Path.home() / "x")


@pytest.mark.parametrize(
    "text", ["", "a b", "A", "a/b/c", "a/../b", "a/b@", "a/b:/c", "a/b:..", "http://x/y", "-x/y", "/a\0b"]
)
def test_what_names_no_source(text: str) -> None:
    with pytest.raises(InvalidParams):
        parse_source(text)


@pytest.mark.parametrize("text", ["a--b/c", "a/b--c", "a/b.git", "a/b.", "a-/b"])
def test_what_the_hub_allows_no_repository_to_be_called(text: str) -> None:
    with pytest.raises(InvalidParams):
        parse_source(text)
    with pytest.raises(HFValidationError):
        validate_repo_id(text)


@pytest.mark.parametrize(
    "name", ["", ".partial", "..", "a/b", "A", "x" * 65, "lofi-tiny", "a\n", "selected", "consents.json"]
)
def test_what_can_be_no_model_s_name(name: str) -> None:
    with pytest.raises(InvalidParams):
        check_name(name)


@pytest.mark.parametrize(
    "line",
    [
        Asking(host="hub", failures=1, reason="answered 503"),
        Plan(
            source="s",
            name="n",
            repo=None,
            revision=None,
            license="MIT",
            bytes_total=1,
            bytes_present=0,
            files=[PlannedFile(name="f", bytes=1, sha256=None)],
            destination="/d",
        ),
        Download(file_name="f", bytes_downloaded=1, bytes_total=2, files_completed=0, files_total=1),
        Importing(stage="decoder", done=1, total=2),
        Done(name="n", model_version="n-1", path="/d", bytes=3, agreement=Agreement(top1=0.9, kl=0.1)),
        Failed(error=ErrorInfo(code=1, name="N", message="m")),
    ],
)
def test_a_line_survives_the_way(line: Line) -> None:
    raw = encode_line(line)
    assert raw.count(b"\n") == 1 and raw.endswith(b"\n") and decode_line(raw) == line


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=10.0) == seconds


def test_what_a_refusal_means() -> None:
    def meaning(status: int, **headers: str) -> LofiError | Transient:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return refusal(status, named, "config.json", "a/b", "https://hub")

    assert isinstance(meaning(503), Transient) and isinstance(meaning(408), Transient)
    busy = meaning(429, Retry_After="3")
    assert isinstance(busy, Transient) and busy.wait_sec == 3.0
    for gated in (meaning(403), meaning(401, X_Error_Code="GatedRepo")):
        assert isinstance(gated, ModelDownloadFailed) and "https://hub/a/b" in gated.recovery
    named = [meaning(404), meaning(401), meaning(404, X_Error_Code="RevisionNotFound")]
    assert all(isinstance(error, LofiError) and error.name == "MODEL_NOT_FOUND" for error in named)
    assert "418" in str(meaning(418))
    rude = meaning(418, X_Error_Message="red \x1b[31m\n" + "x" * 1000)
    assert isinstance(rude, LofiError) and rude.details.isprintable() and len(rude.details) <= 300


def test_why_no_answer_came_is_told_in_the_system_s_words() -> None:
    def wrapped(inner: Exception) -> str:
        try:
            try:
                raise inner
            except Exception as error:
                raise RuntimeError(f"Max retries exceeded (Caused by {error!r})") from error
        except RuntimeError as error:
            return no_answer(error)

    assert wrapped(ConnectionRefusedError(111, "Connection refused")) == "Connection refused"
    assert wrapped(socket.gaierror(-2, "Name or service not known")) == "Name or service not known"
    assert wrapped(TimeoutError("timed out")) == "no answer came in time"
    assert no_answer(ValueError("other")) == "other"


def patience(**settings: float) -> tuple[Patience, list[float]]:
    pauses: list[float] = []
    limits = PatienceSettings(tries=5, first_pause_sec=1.0, longest_pause_sec=4.0, **settings)  # type: ignore[arg-type]
    return Patience("it", limits, sleep=pauses.append, jitter=random.Random(1)), pauses


def test_pauses_double_up_to_a_bound_with_jitter_and_end() -> None:
    waiting, pauses = patience()
    for _ in range(4):
        waiting.failed(Transient("no"))
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, [1.0, 2.0, 4.0, 4.0], strict=True))
    assert len(set(pauses)) == 4
    with pytest.raises(ModelDownloadFailed, match="it can't be had: no"):
        waiting.failed(Transient("no"))


def test_progress_renews_patience_but_a_trickle_does_not() -> None:
    waiting, _ = patience(progress_bytes=100)
    for _ in range(50):
        waiting.progressed(100)
        waiting.failed(Transient("no"))
    with pytest.raises(ModelDownloadFailed):
        for _ in range(50):
            waiting.progressed(1)
            waiting.failed(Transient("no"))


def test_a_pace_is_judged_over_whole_stretches() -> None:
    now = [0.0]
    pace = Pace(PatienceSettings(stall_sec=30.0, least_bytes_per_sec=1000.0), clock=lambda: now[0])
    pace.brought(1)
    for now[0], count in ((29.9, 1), (30.0, 30_000), (59.0, 1), (61.0, 31_000)):
        pace.brought(count)
    now[0] = 121.0
    with pytest.raises(Transient, match="only 59999 bytes came in 60 s"):
        pace.brought(59_999)


def test_a_server_that_names_a_time_is_obeyed_within_bounds() -> None:
    waiting, pauses = patience(longest_wait_sec=60)
    waiting.failed(Transient("no", 50.0))
    assert pauses == [50.0]
    with pytest.raises(ModelDownloadFailed):
        waiting.failed(Transient("no", 61.0))


def test_progress_is_told_four_times_a_second_and_exactly_at_the_end_of_a_file() -> None:
    said: list[Line] = []
    now = [0.0]
    lines = DownloadLines(said.append, files_total=2, bytes_total=3000, clock=lambda: now[0])
    for count in range(1, 1001):
        now[0] = count / 1000
        lines.at("a", count)
    assert len(said) == 4
    lines.complete("a", 1000)
    lines.complete("b", 2000)
    ends = [(x.file_name, x.bytes_downloaded, x.files_completed) for x in said[4:] if isinstance(x, Download)]
    assert ends == [("a", 1000, 1), ("b", 3000, 2)]


def test_each_stage_of_an_import_tells_its_start_and_its_end() -> None:
    said: list[Line] = []
    lines = ImportLines(said.append, clock=lambda: 0.0)
    for stage in ("decoder", "codec"):
        for done in range(11):
            lines.report(stage, done, 10)
    assert [(x.stage, x.done) for x in said if isinstance(x, Importing)] == [
        ("decoder", 0),
        ("decoder", 10),
        ("codec", 0),
        ("codec", 10),
    ]


@pytest.mark.parametrize("after", ["make", "tidy_up"])
def test_an_exchange_that_was_cut_off_is_brought_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    places = Places(tmp_path, "m")
    for folder, text in ((places.installed, "old"), (places.model, "new")):
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(text)
    rename = Path.rename

    def die_at_the_second(path: Path, target: Path) -> Path:
        if path == places.model:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            places.exchange()
    assert not places.installed.exists()
    getattr(places, after)()
    assert (places.installed / "model.toml").read_text() == "old" and not places.model.exists()
    # Killed before the old one was removed.
    (places.partial / "replaced").mkdir(parents=True)
    getattr(places, after)()
    assert not (places.partial / "replaced").exists()
    assert (places.installed / "model.toml").read_text() == "old"


@pytest.mark.parametrize("link", [True, False])
def test_what_is_no_folder_is_replaced_too(tmp_path: Path, link: bool) -> None:
    """A model that somebody moved to another disk, a link in its place; and a stray file."""
    places = Places(tmp_path / "models", "m")
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "model.toml").write_text("old")
    places.make()
    if link:
        places.installed.symlink_to(moved)
    else:
        places.installed.write_text("")
    for _ in range(2):
        places.make()
        places.model.mkdir()
        (places.model / "model.toml").write_text("new")
        places.exchange()
        assert (places.installed / "model.toml").read_text() == "new" and not places.installed.is_symlink()
    assert (moved / "model.toml").read_text() == "old"


def test_the_other_model_takes_the_place_of_the_installed_one(tmp_path: Path) -> None:
    places = Places(tmp_path, "m")
    places.make()
    for text in ("one", "two"):
        places.model.mkdir()
        (places.model / "model.toml").write_text(text)
        places.exchange()
        assert (places.installed / "model.toml").read_text() == text
    places.clean(keep_source=False)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".partial"] == ["m"]
    assert list((tmp_path / ".partial").iterdir()) == []
