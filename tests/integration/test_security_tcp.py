"""Over TCP: only with CURVE, only keys of the allow-list, and no files of this machine for others."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from click.testing import CliRunner

import lofi_client.calls
from lofi_cli.doctor import examine
from lofi_cli.main import lofi as commands
from lofi_client import AsyncLofi, Lofi
from lofi_client.remote import client_secret
from lofi_client.sockets import public_key
from lofi_common import api
from lofi_common.errors import BrokerUnavailable, InvalidParams
from lofi_common.keys import KeyFileError, secret_key
from tests.support.home import Home
from tests.support.peers import Peer, rss_mb
from tests.support.stdio import Stdio


@pytest.fixture
def endpoint(home: Home) -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    home.environ["LOFI_BROKER_TCP"] = address
    return address


@pytest.fixture
def served(home: Home, endpoint: str) -> Iterator[Stdio]:
    with Stdio(home.environ) as broker:
        broker.call("status")
        yield broker


@pytest.fixture
def elsewhere(tmp_path: Path) -> Home:
    """Another machine, as far as its keys go."""
    return Home(tmp_path)


def let_in(home: Home, client: Home) -> None:
    keys = home.paths.keys
    (keys.allowed / "laptop.key").write_text(public_key(client_secret(client.paths.keys)).hex() + "\n")


def address(home: Home, endpoint: str) -> str:
    return f"{endpoint}/{public_key(secret_key(home.paths.keys.broker)).hex()}"


def connect(elsewhere: Home, where: str, monkeypatch: pytest.MonkeyPatch) -> Lofi:
    monkeypatch.setenv("LOFI_HOME", elsewhere.environ["LOFI_HOME"])
    monkeypatch.setenv("LOFI_BROKER", where)
    return Lofi.connect()


def test_a_listed_client_makes_a_track(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(home, elsewhere)
    with connect(elsewhere, address(home, endpoint), monkeypatch) as lofi:
        assert lofi.status().broker.pid == served.process.pid
        accepted = lofi.submit(api.GenerateParams(prompt="from afar", duration_sec=5))
        assert isinstance(list(lofi.follow(accepted, 20.0))[-1], api.GenerationComplete)
    assert stat.S_IMODE(home.paths.keys.broker.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.paths.keys.folder.stat().st_mode) == 0o700


def test_a_client_that_is_not_listed_is_refused_until_it_is(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = address(home, endpoint)
    with pytest.raises(BrokerUnavailable, match="does not know this machine's key"):
        connect(elsewhere, where, monkeypatch)
    (home.paths.keys.allowed / "laptop.key").write_text("client: not a key\n")
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            connect(elsewhere, where, monkeypatch)
    let_in(home, elsewhere)
    connect(elsewhere, where, monkeypatch).close()
    (home.paths.keys.allowed / "laptop.key").unlink()
    with pytest.raises(BrokerUnavailable):
        connect(elsewhere, where, monkeypatch)
    log = (home.paths.logs / "broker.log").read_text()
    assert log.count("laptop.key holds no key") == 1
    assert log.count("event=client_refused") >= 2 and "event=client_let_in name=laptop" in log


def test_asynchronous_clients_are_let_in_and_refused_in_the_same_way(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOFI_HOME", elsewhere.environ["LOFI_HOME"])
    monkeypatch.setenv("LOFI_BROKER", address(home, endpoint))

    async def make() -> str:
        async with AsyncLofi.connect() as lofi:
            return (await lofi.make("from afar", duration_sec=5)).path

    with pytest.raises(BrokerUnavailable, match="does not know this machine's key"):
        asyncio.run(make())
    let_in(home, elsewhere)
    assert Path(asyncio.run(make())).is_relative_to(home.paths.tracks)
    monkeypatch.setenv("LOFI_BROKER", f"tcp://x/{'0' * 64}")
    with pytest.raises(InvalidParams, match="can't connect to"):
        asyncio.run(make())


def test_a_client_that_expects_another_broker_goes_no_further(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(home, elsewhere)
    other = public_key(client_secret(elsewhere.paths.keys)).hex()
    with pytest.raises(BrokerUnavailable):
        connect(elsewhere, f"{endpoint}/{other}", monkeypatch)


def test_peers_without_keys_get_nothing(served: Stdio, home: Home, endpoint: str) -> None:
    before = rss_mb(served.process.pid)
    with Peer(endpoint) as plain:
        plain.ask(1, "status")
        host, port = endpoint.removeprefix("tcp://").split(":")
        strangers = []
        for data in (b"", b"GET /status HTTP/1.1\r\n\r\n", b"\xff" * 100_000):
            stranger = socket.create_connection((host, int(port)))
            strangers.append(stranger)
            try:
                stranger.sendall(data)
            except ConnectionError:
                continue
        keyless = zmq.Context()
        with keyless, keyless.socket(zmq.DEALER) as own:  # CURVE, but with a key made up on the spot
            own.setsockopt(zmq.LINGER, 0)
            public, secret = zmq.curve_keypair()
            own.curve_publickey, own.curve_secretkey = public, secret
            own.setsockopt(zmq.CURVE_SERVERKEY, public_key(secret_key(home.paths.keys.broker)))
            own.connect(endpoint)
            assert own.poll(300) == 0
        assert plain.hears_nothing_for(0.3)
        for stranger in strangers:
            stranger.close()
    assert served.call("queue_status") == {"current": None, "pending": []}
    assert rss_mb(served.process.pid) - before < 10


def test_files_of_the_broker_s_machine_are_not_for_others(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(home, elsewhere)
    with connect(elsewhere, address(home, endpoint), monkeypatch) as lofi:
        target = home.root / "planted.wav"
        with pytest.raises(InvalidParams, match="can't name a file"):
            lofi.submit(api.GenerateParams(prompt="x", duration_sec=5, output=str(target)))
        with pytest.raises(InvalidParams, match="can't name a file"):
            lofi.import_track(home.paths.database)
        for folder in (str(home.root), "~/models", "./models"):
            with pytest.raises(InvalidParams, match="can't name a folder"):
                lofi.download_model(api.models.ModelDownloadParams(model=folder))
        assert not target.exists() and lofi.queue().pending == []


def test_a_track_made_from_afar_stays_on_the_broker_s_machine(
    served: Stdio, home: Home, endpoint: str, elsewhere: Home
) -> None:
    let_in(home, elsewhere)
    elsewhere.environ["LOFI_BROKER"] = address(home, endpoint)
    made = elsewhere.submit("from afar", "-d", "5")
    assert made.returncode == 0 and Path(made.stdout.strip()).is_relative_to(home.paths.tracks)
    assert "lies on the broker's machine" in made.stderr
    refused = elsewhere.submit("from afar", "-d", "5", "-o", str(elsewhere.root / "mine.wav"))
    assert refused.returncode == 2 and "copy the file from the broker's machine" in refused.stderr


def test_tcp_is_off_unless_asked_for(broker: Stdio, home: Home) -> None:
    broker.call("status")
    assert not home.paths.keys.folder.exists()


@pytest.mark.parametrize(
    ("setting", "code"),
    [("0.0.0.0:5555", 2), ("tcp://127.0.0.1", 2), ("ipc:///tmp/x", 2), ("tcp://203.0.113.1:5555", 1)],
)
def test_an_address_that_can_t_be_listened_on_is_named(home: Home, setting: str, code: int) -> None:
    done = home.run("lofi_broker", "--set", f"broker.tcp={setting}")
    assert done.returncode == code and "broker.tcp" in done.stderr and setting in done.stderr


def test_doctor_and_stop_with_a_broker_elsewhere(
    home: Home, served: Stdio, endpoint: str, elsewhere: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in elsewhere.environ.items():
        monkeypatch.setenv(name, value)
    where = address(home, endpoint)
    monkeypatch.setenv("LOFI_BROKER", where)
    refused = list(examine())[-1]
    assert not refused.ok and refused.what.startswith(
        f"commands go to LOFI_BROKER={where}: the broker refused"
    )
    let_in(home, elsewhere)
    good = list(examine())[-1]
    assert good.ok and f"commands go to LOFI_BROKER={where}: it answers" in good.what
    stopped = CliRunner().invoke(commands, ["broker", "stop"])
    assert stopped.output == f"stopped the broker at {where}, pid {served.process.pid} there\n"
    monkeypatch.setattr(lofi_client.calls, "GREET_SEC", 0.3)
    silent = list(examine())[-1]
    assert not silent.ok and f"the broker at {where} did not answer" in silent.what
    assert "LOFI_BROKER has its address" in silent.advice
    monkeypatch.setenv("LOFI_BROKER", "studio")
    nonsense = list(examine())[-1]
    assert not nonsense.ok and "is no broker's address" in nonsense.what and "tcp://" in nonsense.advice


def test_a_secret_that_others_can_read_is_refused(home: Home, endpoint: str) -> None:
    keys = home.paths.keys
    keys.make()
    keys.broker.write_text("0" * 64)
    keys.broker.chmod(0o644)
    done = home.run("lofi_broker")
    assert done.returncode == 1 and "can be read by others" in done.stderr and str(keys.broker) in done.stderr
    keys.broker.chmod(0o600)
    keys.broker.write_text("no key")
    done = home.run("lofi_broker")
    assert done.returncode == 1 and "holds no key" in done.stderr


def test_no_address_of_a_broker(elsewhere: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("studio", "tcp://studio:1", "tcp://studio:1/xyz", f"ipc://x/{'0' * 64}"):
        with pytest.raises(InvalidParams, match="LOFI_BROKER"):
            connect(elsewhere, where, monkeypatch)


def test_lofi_keys_shows_what_the_other_side_needs(served: Stdio, home: Home) -> None:
    shown = home.lofi("keys")
    assert shown.returncode == 0
    assert public_key(secret_key(home.paths.keys.broker)).hex() in shown.stdout
    assert public_key(secret_key(home.paths.keys.client)).hex() in shown.stdout
    assert "nobody" in shown.stdout
    let_in(home, home)
    assert "let in: laptop" in home.lofi("keys").stdout
    (home.paths.keys.allowed / "phone.key").write_text("client: not a key\n")
    shown = home.lofi("keys")
    assert shown.returncode == 0 and "phone.key holds no key (64 hex digits)" in shown.stdout


def test_what_lies_among_the_allowed_keys_by_mistake_lets_nobody_in(home: Home) -> None:
    keys = home.paths.keys
    keys.make()
    (keys.allowed / "empty.key").touch()
    (keys.allowed / "folder.key").mkdir()
    (keys.allowed / "junk.key").write_bytes(os.urandom(100))
    (keys.allowed / "gone.key").symlink_to("nowhere")
    assert keys.names() == [] and keys.name_of(b"\0" * 32) is None and keys.name_of(b"") is None
    with pytest.raises(KeyFileError):
        secret_key(keys.client)


def test_a_client_s_key_is_made_once(elsewhere: Home) -> None:
    script = (
        "import os; from lofi_client.remote import client_secret; from lofi_common.paths import find_paths; "
        "print(client_secret(find_paths(os.environ).keys).hex())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, **elsewhere.environ},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    keys = {process.communicate(timeout=30)[0] for process in started}
    assert len(keys) == 1 and len(keys.pop().strip()) == 64
