"""Full disks, the cache that other programs filled, and no network at all."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from lofi_common.api_models import Precision
from lofi_worker.install.lock import model_lock
from tests.support.shop import FILES, FIXTURE, NAME, REPO, WEIGHTS, Shop, wait_until

CAN_MOUNT = subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0
KIB = 1 << 10


def on_a_disk_of(size: int, folder: Path) -> list[str]:
    """A wrapper: the command sees a disk of `size` bytes at `folder`, which goes away with it."""
    folder.mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o size={size} none {shlex.quote(str(folder))}"
    return ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a small disk")
def test_too_little_room_is_told_before_the_first_byte(shop: Shop) -> None:
    run = shop.install(wrapper=on_a_disk_of(600 * KIB, shop.models))
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "the disk is too full" in run.error.message
    assert run.plan.name == NAME and [seen.path for seen in shop.hub.seen if "resolve" in seen.path] == []


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a small disk")
@pytest.mark.parametrize("precision", ["fp32", "int4"])
def test_weights_that_are_halves_by_no_name_s_word_need_room_too(shop: Shop, precision: Precision) -> None:
    """What an import writes is known from config.json: before a weight is asked for."""
    run = shop.install(wrapper=on_a_disk_of(5900 * KIB, shop.models), precision=precision)  # 6167 are needed
    assert run.plan.bytes_needed is not None and run.plan.bytes_needed < 5600 * KIB
    assert "the disk is too full" in run.error.message and not shop.hub.gets(WEIGHTS)
    shop.assert_only_useful_leftovers()


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a small disk")
def test_pickles_beside_a_local_checkpoint_ask_for_no_room(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(FIXTURE, folder)
    with (folder / "pytorch_model.bin").open("wb") as pickle:
        pickle.truncate(100_000 * KIB)
    run = shop.install(str(folder), wrapper=on_a_disk_of(8000 * KIB, shop.models))
    assert run.process.returncode == 0, run.lines[-1]
    small = shop.install(str(folder), wrapper=on_a_disk_of(400 * KIB, shop.models))
    assert "the disk is too full" in small.error.message


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a small disk")
def test_a_disk_that_fills_up_meanwhile(shop: Shop) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    wrapper = on_a_disk_of(8000 * KIB, shop.models)
    with shop.installer(extra=["--stall-sec", "2"], wrapper=wrapper) as run:
        fault.reached.wait()
        seen_by_it = Path(f"/proc/{run.process.pid}/root{shop.models}")
        part = seen_by_it / shop.part.relative_to(shop.models)
        wait_until(lambda: part.stat().st_size == 100_000)
        with pytest.raises(OSError), (seen_by_it / "filler").open("wb") as filler:
            while True:
                filler.write(bytes(KIB))
                filler.flush()
        assert run.end() == 1
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "the disk is full" in run.error.message
    assert "No space left on device" in run.error.details


def test_after_a_full_disk_what_came_is_not_fetched_again(shop: Shop) -> None:
    limit = 100 * KIB
    wrapper = ["bash", "-c", f'ulimit -f {limit // KIB} && exec "$@"', "bash"]
    run = shop.install(wrapper=wrapper)
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "the disk is full" in run.error.message
    assert shop.part.stat().st_size == limit
    shop.assert_only_useful_leftovers()
    shop.install()
    assert shop.hub.gets(WEIGHTS)[-1].start == limit
    shop.assert_installed()


def test_a_disk_that_fills_up_during_the_import_leaves_what_was_fetched(shop: Shop) -> None:
    limit = 500 * KIB  # more than any file of the checkpoint, less than the largest of the model
    run = shop.install(wrapper=["bash", "-c", f'ulimit -f {limit // KIB} && exec "$@"', "bash"])
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "the disk is full" in run.error.message, run.error
    shop.assert_only_useful_leftovers()
    again = shop.install()
    assert again.plan.bytes_present == again.plan.bytes_total
    shop.assert_installed()


def test_a_folder_that_can_t_be_made(shop: Shop) -> None:
    shop.models.write_text("a file")
    runs = (shop.install(action="resolve"), shop.install())
    for run in runs:
        assert run.error.name == "MODEL_DOWNLOAD_FAILED" and str(shop.models) in run.error.message


def fill_cache(shop: Shop) -> None:
    """As any program that uses huggingface_hub does."""
    script = (
        "import sys; from huggingface_hub import hf_hub_download\n"
        "for name in sys.argv[2:]: hf_hub_download(sys.argv[1], name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, REPO, *FILES], env={**os.environ, **shop.environ}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    shop.hub.seen.clear()


def cached_weights(shop: Shop) -> Path:
    return next(shop.cache.rglob(f"snapshots/*/{WEIGHTS}")).resolve()


def test_files_in_the_hub_s_cache_are_not_fetched(shop: Shop) -> None:
    fill_cache(shop)
    run = shop.install()
    assert run.plan.bytes_present == run.plan.bytes_total
    assert [seen.path for seen in shop.hub.seen if "resolve" in seen.path] == []
    shop.assert_installed()
    assert cached_weights(shop).read_bytes() == FILES[WEIGHTS]


def test_a_damaged_file_in_the_hub_s_cache_is_fetched_and_left_alone(shop: Shop) -> None:
    fill_cache(shop)
    rotten = bytearray(FILES[WEIGHTS])
    rotten[1000] ^= 1
    cached_weights(shop).write_bytes(rotten)
    run = shop.install()
    assert "event=cache_damaged" in run.stderr and shop.hub.served(WEIGHTS) == len(FILES[WEIGHTS])
    shop.assert_installed()
    assert cached_weights(shop).read_bytes() == rotten


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a small disk")
def test_a_cache_on_another_disk_needs_room_for_a_copy(shop: Shop) -> None:
    fill_cache(shop)
    run = shop.install(wrapper=on_a_disk_of(600 * KIB, shop.models))
    assert run.plan.bytes_present == run.plan.bytes_total and "the disk is too full" in run.error.message
    fits = shop.install(wrapper=on_a_disk_of(8000 * KIB, shop.models))
    assert fits.process.returncode == 0, fits.stderr


def test_offline_the_cache_is_enough(shop: Shop) -> None:
    fill_cache(shop)
    shop.environ["HF_HUB_OFFLINE"] = "1"
    run = shop.install()
    assert run.plan.revision == shop.repo.commit and shop.hub.seen == []
    shop.assert_installed()
    rotten = bytearray(FILES[WEIGHTS])
    rotten[1000] ^= 1
    cached_weights(shop).write_bytes(rotten)
    damaged = shop.install(name="again")
    assert damaged.error.name == "MODEL_DOWNLOAD_FAILED" and WEIGHTS in damaged.error.message


def test_offline_with_nothing_in_the_cache_says_so(shop: Shop) -> None:
    shop.environ["HF_HUB_OFFLINE"] = "1"
    run = shop.install()
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "HF_HUB_OFFLINE is set" in run.error.message
    assert "HF_HUB_OFFLINE" in run.error.recovery and shop.hub.seen == []


def test_nothing_is_asked_of_anybody_but_the_hub(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        proxy = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        proxies = {
            key: proxy for key in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")
        }
        shop.environ |= {**proxies, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        shop.environ |= {"HF_HUB_DISABLE_TELEMETRY": "0"}
        shop.install()
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody came to the way out
            elsewhere.accept()
    shop.assert_installed()
    allowed = (f"/api/models/{REPO}/revision/main", f"/{REPO}/resolve/{shop.repo.commit}/")
    assert all(seen.path.startswith(allowed) for seen in shop.hub.seen)
    assert all("torch" not in seen.agent and "agent" not in seen.agent for seen in shop.hub.seen)


@pytest.mark.parametrize(
    ("action", "proxy", "no_proxy"),
    [
        ("resolve", "socks5://127.0.0.1:9", ""),
        ("install", "socks5h://h", "127.0.0.1"),
        ("install", "ftp://h", ""),
        ("resolve", "http://h:port", "127.0.0.1"),
    ],
)
def test_a_proxy_that_can_t_be_used_is_told_before_anybody_is_asked(
    shop: Shop, action: Literal["resolve", "install"], proxy: str, no_proxy: str
) -> None:
    shop.environ |= {"ALL_PROXY": proxy, "NO_PROXY": no_proxy, "no_proxy": no_proxy}
    run = shop.install(action=action)
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "ALL_PROXY" in run.error.message
    assert "unset ALL_PROXY" in run.error.recovery and run.error.details
    assert shop.hub.seen == [] and not shop.partial.exists()


def test_offline_no_proxy_matters(shop: Shop) -> None:
    fill_cache(shop)
    shop.environ |= {
        "HF_HUB_OFFLINE": "1",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "NO_PROXY": "",
        "no_proxy": "",
    }
    shop.install()
    shop.assert_installed()


def test_nothing_is_written_outside_the_models_folder(shop: Shop, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shop.environ |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    shop.install()
    shop.assert_installed()
    assert list(home.rglob("*")) == [] and not shop.cache.exists()


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from lofi_worker.install.lock import model_lock\n"
        "with model_lock(Path(sys.argv[1]), 'm'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True)
    assert done.returncode == -9
    with model_lock(tmp_path, "m"):
        pass
