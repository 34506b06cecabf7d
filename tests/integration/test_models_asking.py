"""What is shown and told while the Hub is asked, and what it takes to say yes."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from tests.integration.test_models_install import until
from tests.support.home import Home
from tests.support.hub import TOKEN, FakeHub
from tests.support.models import FIXTURE, NAME, with_hub, without_setting
from tests.support.shop import FILES, REPO, WEIGHTS
from tests.support.stdio import Stdio
from tests.support.terminal import in_a_terminal


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@contextlib.contextmanager
def silent_hub(home: Home) -> Iterator[str]:
    """The home's installers ask one that takes their requests and never answers. Gives its host."""
    without_setting(home)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        home.environ |= {"HF_ENDPOINT": f"http://user:secret@{host}", "NO_PROXY": "*", "no_proxy": "*"}
        yield host


def test_a_terminal_shows_who_is_asked_before_there_is_an_answer(home: Home) -> None:
    with silent_hub(home) as host:
        asking = f"asking {host} for model".encode()
        left, shown = in_a_terminal(home, "models", "pull", "owner/model", until=asking, answer=b"\x03")
    assert left == 130 and b"interrupted" in shown and b"secret" not in shown


def test_a_terminal_shows_each_new_try_and_why(home: Home, hub: FakeHub) -> None:
    hub.fail("list", status=503)
    with_hub(home, hub)
    home.environ["HF_ENDPOINT"] = home.environ["HF_ENDPOINT"].replace("://", "://user:secret@")
    left, shown = in_a_terminal(home, "models", "pull", REPO, until=b"[y/N]", answer=b"n\n")
    assert left == 5 and shown.count(b"asking") == 2
    assert b"answered 503; asking again" in shown and b"secret" not in shown


def test_a_broker_that_asks_can_be_stopped(home: Home) -> None:
    with silent_hub(home) as host:
        asking = f"asking {host}".encode()
        in_a_terminal(home, "models", "pull", "owner/model", until=asking, answer=b"\x03")
        done = home.lofi("broker", "stop")
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_clients_are_told_of_each_try_before_and_after_the_yes(home: Home, hub: FakeHub) -> None:
    hub.fail("list", status=503)
    with Stdio(with_hub(home, hub).environ) as broker:
        broker.error("model_download", model=REPO)
        first, second = broker.notices("model_status")
        host = hub.endpoint.removeprefix("http://")
        assert first == {"model": NAME, "state": "asking", "host": host, "failures": 0}
        assert (second["state"], second["failures"]) == ("asking", 1) and "503" in second["reason"]
        hub.fail(WEIGHTS, then="stall", after=1000)
        broker.call("model_download", model=REPO, consent=True)
        while (told := broker.notices("model_status")[-1]).get("host") is None or told["state"] == "asking":
            broker.take()
        assert told == {"model": NAME, "state": "installing", "host": host, "failures": 0}
        broker.call("model_cancel", model=NAME)
        until(broker, "cancelled")


def test_without_a_terminal_nothing_is_shown_of_it(home: Home, hub: FakeHub) -> None:
    done = with_hub(home, hub).lofi("models", "pull", REPO)
    assert done.returncode == 5 and "asking" not in done.stderr


def test_the_offer_names_the_disk_space_that_the_download_and_the_import_take(
    home: Home, hub: FakeHub
) -> None:
    with_hub(home, hub)
    done = home.lofi("models", "pull", REPO, "--precision", "fp32", "--json")
    (offer,) = [json.loads(line) for line in done.stdout.splitlines()]
    total = sum(map(len, FILES.values()))
    assert done.returncode == 5 and offer["event"] == "offer"
    assert (offer["repo"], offer["license"], offer["bytes_total"]) == (REPO, "cc-by-nc-4.0", total)
    assert offer["destination"] == str(home.paths.models / NAME)
    assert total < offer["bytes_needed"] < 3 * total
    assert json.loads(done.stderr)["error"]["name"] == "DOWNLOAD_CONSENT_REQUIRED"  # and no offer in words
    words = home.lofi("models", "pull", REPO, "--precision", "fp32").stderr
    assert f"disk       at least {round(offer['bytes_needed'] / 1000)} kB free" in words


def test_with_a_yes_the_offer_is_the_first_json_line(home: Home, hub: FakeHub) -> None:
    done = with_hub(home, hub).lofi("models", "pull", REPO, "--yes", "--json")
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and events[:2] == ["offer", "accepted"] and events[-1] == "model_status"


@pytest.mark.parametrize("access", ["gated", "private"])
def test_a_token_is_the_broker_s_and_the_words_say_so(home: Home, hub: FakeHub, access: str) -> None:
    with_hub(home, hub).environ.pop("HF_TOKEN", None)
    hub.repos[REPO].access = access  # type: ignore[assignment]
    before = home.lofi("models", "pull", REPO, "--yes")
    assert before.returncode != 0 and "HF_TOKEN" in before.stderr and "`lofi broker stop`" in before.stderr
    home.environ["HF_TOKEN"] = TOKEN
    assert home.lofi("models", "pull", REPO, "--yes").returncode != 0
    home.lofi("broker", "stop")
    assert home.lofi("models", "pull", REPO, "--yes").returncode == 0


def test_a_folder_is_the_same_one_wherever_the_broker_works(home: Home) -> None:
    with Stdio(without_setting(home).environ) as broker:
        for relative in (".", "..", "./here", "../here"):
            refused = broker.error("model_download", model=relative)
            assert refused["data"]["error_code"] == "INVALID_PARAMS", relative
            assert refused["message"].startswith(f"{relative} is a relative path")
            assert "whole path" in refused["data"]["recovery"]
    name = f"./{FIXTURE.name}"
    for action in ("pull", "import"):
        done = home.run("lofi_cli.main", "models", action, name, "--name", action, cwd=FIXTURE.parent)
        assert done.returncode == 0, done.stderr
