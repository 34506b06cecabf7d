from __future__ import annotations

from pathlib import Path

import pytest

from lofi_common.config import Config, ConfigError, load_config
from lofi_common.errors import LofiError
from lofi_common.paths import find_paths, starter_folder

DEFAULTS = Path(__file__).parents[2] / "configs/default.toml"


def test_the_default_file_shows_every_setting_with_its_default() -> None:
    assert load_config(DEFAULTS, {}) == Config()
    text = DEFAULTS.read_text()
    for section in Config.__struct_fields__:
        assert f"[{section}]" in text
        for key in type(getattr(Config(), section)).__struct_fields__:
            assert f"\n{key} = " in text


def test_flags_go_before_the_environment_before_the_file_before_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[queue]\nmax_pending = 3\n[worker]\nslots = 2\nthreads = 5\n")
    environ = {"LOFI_QUEUE_MAX_PENDING": "4", "LOFI_WORKER_SLOTS": "6", "LOFI_HOME": "/x", "LOFI_OTHER": "y"}
    config = load_config(file, environ, ["queue.max_pending=8", "model.folder=/a=b"])
    assert (config.queue.max_pending, config.worker.slots, config.worker.threads) == (8, 6, 5)
    assert config.model.folder == "/a=b" and config.queue.max_attempts == Config().queue.max_attempts


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml", {}) == Config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[queue]\nmax_pending = 0",
            "config.toml: queue.max_pending: must be a whole number from 1 to 1000\n",
        ),
        ("[queue]\nmax_pending = 1001", "max_pending"),
        ("[queue]\nmax_pendin = 1", "no setting `queue.max_pendin`: did you mean max_pending"),
        ("[queu]\nmax_pending = 1", "no setting `queu`: did you mean queue"),
        ("[queue]\ndurable = 'yes'", "queue.durable: must be true or false"),
        ("[queue]\nmax_pending 5", "line 2, `max_pending 5`: Expected '=' after a key"),
        ("[worker]\ndevice = 'gpu'", "worker.device: must be one of auto, coreml, cpu, cuda, metal"),
        ('[broker]\ntcp = "tcp://127.0.0.1:5555\\n"', "tcp"),
        ("[worker]\nengine = 'gpu'", "engine"),
        ("[worker]\nsilence_sec = nan", "silence_sec: must be a number above 0"),
        ("queue = 1", "queue: must be a group of settings"),
        ("[queue", "config.toml"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config(file, {})


def test_an_address_of_the_wrong_form_is_told_the_right_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[broker]\ntcp = "192.168.1.10:5555"')
    with pytest.raises(ConfigError, match=r"config.toml: broker.tcp: write tcp://address:port"):
        load_config(file, {})
    told = "broker.tcp=192.168.1.10:5555: write tcp://address:port"
    with pytest.raises(ConfigError, match=f"the environment: {told}"):
        load_config(tmp_path / "none", {"LOFI_BROKER_TCP": "192.168.1.10:5555"})
    with pytest.raises(ConfigError, match="without NUL"):
        load_config(tmp_path / "none", {}, ["model.folder=a\0b"])


def test_lofi_home_moves_everything() -> None:
    paths = find_paths({"LOFI_HOME": "/somewhere"})
    for path in (paths.config, paths.state, paths.data, paths.runtime, paths.tracks, paths.database):
        assert path.is_relative_to("/somewhere")
    assert paths.socket("clients") == "ipc:///somewhere/state/run/clients.ipc"


def test_without_lofi_home_no_environment_of_a_session_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    first = find_paths({})
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert find_paths({}) == first


def test_a_socket_path_over_107_bytes_is_refused() -> None:
    with pytest.raises(LofiError, match="LOFI_HOME"):
        find_paths({"LOFI_HOME": "/" + "x" * 100}).socket("clients")


def test_the_starter_is_found_beside_the_worker() -> None:
    assert (starter_folder() / "model.toml").is_file()
