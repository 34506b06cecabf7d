"""One file over real sockets, whatever the server does."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lofi_common.errors import LofiError, ModelDownloadFailed, ModelNotFound
from lofi_worker.install.fetch import Fetcher, http_client
from lofi_worker.install.patience import PatienceSettings
from lofi_worker.install.remote import RemoteFile, RemoteModel
from tests.support.hub import TOKEN, FakeHub, git_sha1, sha256

REPO = "owner/model"
PATH = "model.safetensors"
DATA = random.Random(1).randbytes(300_001)
PATIENCE = PatienceSettings(tries=4, first_pause_sec=0.01, stall_sec=0.2, progress_bytes=100_000)


class Bench:
    """A repository with one file, and the folders that it is fetched into."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.hub = hub
        self.repo = hub.add(REPO, {PATH: DATA})
        self.parts = folder / "parts"
        self.target = folder / "target"
        self.counts: list[int] = []
        self.on_bytes: Callable[[int], None] = self.counts.append
        for place in (self.parts, self.target):
            place.mkdir()

    def fetch(self, file: RemoteFile | None = None, *, token: str | None = None) -> bytes:
        """One call as an installer makes it; returns the file's bytes."""
        file = file or RemoteFile(path=PATH, bytes=len(DATA), sha256=sha256(DATA))
        model = RemoteModel(repo=REPO, commit=self.repo.commit, license="", description="", files=[file])
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with http_client(headers, PATIENCE) as client:
            fetcher = Fetcher(
                client,
                repo=REPO,
                endpoint=self.hub.endpoint,
                folder=self.parts,
                target=self.target,
                patience=PATIENCE,
            )
            url = f"{self.hub.endpoint}/{REPO}/resolve/{model.commit}/{file.path}"
            fetcher.fetch(file, model.identity(file), url, self.on_bytes)
        return (self.target / file.name).read_bytes()

    def error(self, file: RemoteFile | None = None, *, token: str | None = None) -> LofiError:
        with pytest.raises(LofiError) as caught:
            self.fetch(file, token=token)
        assert list(self.target.iterdir()) == []
        return caught.value

    def put_part(self, data: bytes, sidecar: str) -> None:
        """As an earlier process left it."""
        (self.parts / f"{PATH}.part").write_bytes(data)
        (self.parts / f"{PATH}.json").write_text(sidecar)

    def part(self) -> bytes:
        return (self.parts / f"{PATH}.part").read_bytes()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with FakeHub() as hub:
        yield Bench(hub, tmp_path)


@pytest.fixture
def cdn_bench(tmp_path: Path) -> Iterator[Bench]:
    with FakeHub(cdn=True) as hub:
        yield Bench(hub, tmp_path)


def starts(bench: Bench) -> list[int | None]:
    return [seen.start for seen in bench.hub.gets(PATH)]


def test_a_file_arrives_whole_and_leaves_no_part(bench: Bench) -> None:
    assert bench.fetch() == DATA
    assert (bench.counts[0], bench.counts[-1]) == (0, len(DATA)) and bench.counts == sorted(bench.counts)
    assert [path.name for path in bench.parts.iterdir()] == [f"{PATH}.json"]
    # A compressed answer could not be resumed.
    assert [seen.encoding for seen in bench.hub.seen] == ["identity"]


def test_a_connection_that_ends_early_is_resumed_at_the_byte(bench: Bench) -> None:
    bench.hub.fail(PATH, then="close", after=100_000)
    bench.hub.fail(PATH, then="close", after=50_000)
    assert bench.fetch() == DATA
    assert starts(bench) == [None, 100_000, 150_000] and bench.hub.served(PATH) == len(DATA)


def test_a_connection_that_is_reset_is_made_again(bench: Bench) -> None:
    bench.hub.fail(PATH, then="reset", after=100_000)
    assert bench.fetch() == DATA
    assert len(starts(bench)) == 2


def test_a_server_that_falls_silent_is_asked_again(bench: Bench) -> None:
    bench.hub.fail(PATH, then="stall", after=100_000)
    assert bench.fetch() == DATA
    assert starts(bench) == [None, 100_000]


def test_a_server_that_trickles_is_asked_again(bench: Bench) -> None:
    bench.hub.fail(PATH, then="trickle", after=100_000)
    assert bench.fetch() == DATA
    first, second = starts(bench)
    assert first is None and second is not None and 100_000 < second < 100_100


def test_it_ends_when_every_answer_is_a_trickle(bench: Bench) -> None:
    bench.hub.fail(PATH, then="trickle", times=99)
    error = bench.error()
    assert isinstance(error, ModelDownloadFailed)
    assert re.search(r"only \d+ bytes came in [\d.]+ s|nothing came", str(error))
    assert len(starts(bench)) == PATIENCE.tries


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(bench: Bench, status: int) -> None:
    bench.hub.fail(PATH, status=status, times=2)
    assert bench.fetch() == DATA
    assert len(starts(bench)) == 3


def test_retry_after_is_obeyed(bench: Bench) -> None:
    bench.hub.fail(PATH, status=429, headers={"Retry-After": "1"})
    assert bench.fetch() == DATA
    first, second = bench.hub.gets(PATH)
    assert second.at - first.at >= 1.0


def test_nobody_waits_for_hours(bench: Bench) -> None:
    bench.hub.fail(PATH, status=503, headers={"Retry-After": "7200"})
    assert "7200 s" in bench.error().details


def test_it_ends_when_nothing_comes(bench: Bench) -> None:
    bench.hub.fail(PATH, then="stall", after=0, times=99)
    error = bench.error()
    assert isinstance(error, ModelDownloadFailed) and "nothing came for 0.2 s" in str(error)
    assert len(starts(bench)) == PATIENCE.tries


def test_it_ends_when_a_server_begins_anew_each_time(bench: Bench) -> None:
    bench.hub.fail(PATH, whole=True, then="close", after=200_000, times=99)
    assert "can't be had" in str(bench.error())
    assert starts(bench) == [None, *[200_000] * (PATIENCE.tries - 1)]


def test_it_ends_when_nobody_listens(bench: Bench) -> None:
    bench.hub.endpoint = "http://127.0.0.1:9"
    assert "refused" in str(bench.error())


def test_a_flipped_bit_is_fetched_once_more(bench: Bench) -> None:
    bench.hub.fail(PATH, flip=True)
    assert bench.fetch() == DATA
    assert starts(bench) == [None, None]


def test_a_bit_that_stays_flipped_is_refused_with_both_hashes(bench: Bench) -> None:
    bench.hub.fail(PATH, flip=True, times=2)
    wrong = bytearray(DATA)
    wrong[len(DATA) // 2] ^= 1
    error = bench.error()
    assert isinstance(error, ModelDownloadFailed)
    assert sha256(DATA) in str(error) and sha256(bytes(wrong)) in str(error)
    assert starts(bench) == [None, None] and bench.part() == b""


def test_a_part_that_rotted_on_the_disk_is_fetched_anew(bench: Bench) -> None:
    bench.hub.fail(PATH, then="close", after=100_000)
    bench.hub.fail(PATH, status=404)
    bench.error()
    part = bytearray(bench.part())
    part[5] ^= 1
    (bench.parts / f"{PATH}.part").write_bytes(part)
    assert bench.fetch() == DATA
    assert starts(bench) == [None, 100_000, 100_000, None]


def test_a_small_file_is_checked_by_git_s_hash(bench: Bench) -> None:
    config = b'{"a": 1}'
    bench.repo.files["config.json"] = config
    file = RemoteFile(path="config.json", bytes=len(config), git_sha1=git_sha1(config))
    assert bench.fetch(file) == config
    (bench.target / "config.json").unlink()
    other = RemoteFile(path="config.json", bytes=len(config), git_sha1=git_sha1(b"other"))
    assert git_sha1(b"other") in str(bench.error(other))


@pytest.mark.parametrize("listed", [len(DATA) - 1, len(DATA) + 1])
def test_a_wrong_size_is_refused(bench: Bench, listed: int) -> None:
    file = RemoteFile(path=PATH, bytes=listed, sha256=sha256(DATA))
    assert f"{len(DATA)} bytes instead of {listed}" in str(bench.error(file))


def test_a_wrong_size_is_refused_when_it_resumes(bench: Bench) -> None:
    file = RemoteFile(path=PATH, bytes=len(DATA) + 1, sha256=sha256(DATA))
    bench.put_part(DATA[:1000], f'{{"identity": "sha256:{sha256(DATA)}", "bytes": {file.bytes}}}')
    assert f"{len(DATA)} bytes instead of {file.bytes}" in bench.error(file).details
    assert starts(bench) == [1000, None]


def test_more_bytes_than_announced_are_refused(bench: Bench) -> None:
    bench.hub.fail(PATH, then="close", after=1000)
    bench.hub.fail(PATH, extra=b"more")
    assert bench.fetch() == DATA  # the second time all is well
    assert starts(bench) == [None, 1000, None]


def test_another_content_begins_anew(bench: Bench) -> None:
    bench.hub.fail(PATH, then="close", after=100_000)
    bench.hub.fail(PATH, status=404)
    bench.error()
    other = DATA[::-1]
    bench.repo.files[PATH] = other
    assert bench.fetch(RemoteFile(path=PATH, bytes=len(other), sha256=sha256(other))) == other
    assert starts(bench)[-1] is None


def test_without_a_hash_an_equal_etag_lets_it_resume(bench: Bench) -> None:
    bench.hub.fail(PATH, then="close", after=100_000)
    assert bench.fetch(RemoteFile(path=PATH, bytes=len(DATA))) == DATA
    assert starts(bench) == [None, 100_000]


def test_without_a_hash_another_etag_makes_it_begin_anew(bench: Bench) -> None:
    bench.repo.fixed_commit = "0" * 40
    bench.hub.fail(PATH, then="close", after=100_000)
    other = DATA[::-1]

    def change_after_the_first_part(count: int) -> None:
        if count == 100_000:
            bench.repo.files[PATH] = other

    bench.on_bytes = change_after_the_first_part
    assert bench.fetch(RemoteFile(path=PATH, bytes=len(DATA))) == other
    assert starts(bench) == [None, 100_000]


def test_all_bytes_there_but_not_yet_in_place_need_no_request(bench: Bench) -> None:
    bench.put_part(DATA, f'{{"identity": "sha256:{sha256(DATA)}", "bytes": {len(DATA)}}}')
    assert bench.fetch() == DATA and bench.hub.seen == []


@pytest.mark.parametrize("sidecar", ["", "{}", "[1", "null", '{"identity": 1, "bytes": "x"}'])
def test_a_part_of_unknown_origin_is_thrown_away(bench: Bench, sidecar: str) -> None:
    bench.put_part(b"?" * 1000, sidecar)
    assert bench.fetch() == DATA and starts(bench) == [None]


def test_a_gated_repository_says_what_to_do(bench: Bench) -> None:
    bench.repo.access = "gated"
    for token in (None, "hf_other"):
        error = bench.error(token=token)
        assert isinstance(error, ModelDownloadFailed) and len(bench.hub.gets(PATH)) == 1
        assert f"{bench.hub.endpoint}/{REPO}" in error.recovery and "HF_TOKEN" in error.recovery
        bench.hub.seen.clear()
    assert bench.fetch(token=TOKEN) == DATA


def test_a_private_or_missing_repository_and_file(bench: Bench) -> None:
    bench.repo.access = "private"
    error = bench.error()
    assert isinstance(error, ModelNotFound) and "HF_TOKEN" in error.recovery
    bench.repo.access = "open"
    missing = bench.error(RemoteFile(path="other.onnx", bytes=1))
    assert isinstance(missing, ModelNotFound) and "other.onnx" in str(missing)


def test_the_token_stays_with_the_hub(cdn_bench: Bench) -> None:
    assert cdn_bench.fetch(token=TOKEN) == DATA
    tokens = {seen.host.partition(":")[0]: seen.token for seen in cdn_bench.hub.seen}
    assert tokens == {"127.0.0.1": f"Bearer {TOKEN}", "localhost": None}


def test_an_address_that_has_run_out_is_asked_for_again(cdn_bench: Bench) -> None:
    cdn_bench.hub.fail(PATH, then="close", after=100_000)
    cdn_bench.hub.fail(PATH, status=403)
    assert cdn_bench.fetch() == DATA
    assert starts(cdn_bench) == [None, 100_000, 100_000]
    assert len([seen for seen in cdn_bench.hub.seen if seen.method == "GET led elsewhere"]) == 3
