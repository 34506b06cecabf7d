"""The installer as a process: killed, cancelled, doubled, and what it leaves behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from lofi_common.installs import ORDER_FILE, Asking, Download, Failed, Importing, Line, Plan
from lofi_common.manifest import read_model
from tests.support.hub import TOKEN, FakeHub
from tests.support.shop import FILES, FIXTURE, NAME, REPO, WEIGHTS, Shop, downloads, wait_until


def test_resolve_tells_all_and_touches_nothing(shop: Shop) -> None:
    run = shop.install(action="resolve")
    plan = run.plan
    asking = Asking(host=shop.hub.endpoint.removeprefix("http://"), failures=0)
    assert (plan.repo, plan.revision, plan.license) == (REPO, shop.repo.commit, "cc-by-nc-4.0")
    assert (plan.name, plan.destination) == (NAME, str(shop.models / NAME))
    assert plan.bytes_total == sum(map(len, FILES.values())) and plan.bytes_present == 0
    assert {file.name for file in plan.files} == set(FILES)
    assert run.process.returncode == 0 and run.lines == [asking, plan] and not shop.models.exists()
    assert [seen.path for seen in shop.hub.seen] == [f"/api/models/{REPO}/revision/main"]


def test_a_model_is_fetched_imported_and_put_in_place(shop: Shop) -> None:
    run = shop.install()
    assert run.process.returncode == 0, run.stderr
    shop.assert_installed()
    assert (run.done.name, run.done.path) == (NAME, str(shop.models / NAME))
    assert run.done.model_version == read_model(shop.models / NAME).version
    assert run.done.bytes == sum(path.stat().st_size for path in (shop.models / NAME).iterdir())
    last = {line.file_name: line for line in downloads(run.lines)}
    assert [line.files_completed for line in last.values()] == [1, 2, 3]
    assert last[WEIGHTS].bytes_downloaded == last[WEIGHTS].bytes_total == run.plan.bytes_total
    assert all("torch" not in seen.agent for seen in shop.hub.seen)


def test_killed_at_random_bytes_it_goes_on_where_it_was(shop: Shop) -> None:
    size, seed = len(FILES[WEIGHTS]), random.Random(4)
    there = 0
    for _ in range(4):
        fault = shop.hub.fail(WEIGHTS, then="stall", after=seed.randrange(50_000, 120_000))
        with shop.installer(extra=["--stall-sec", "30"]) as run:
            fault.reached.wait()
            wait_until(lambda least=there: shop.part.stat().st_size > least)  # type: ignore[misc]
            run.kill()
        assert shop.hub.gets(WEIGHTS)[-1].start == (there or None)
        there = shop.part.stat().st_size
        shop.assert_only_useful_leftovers()
    run = shop.install()
    assert run.plan.bytes_present == there + len(FILES["config.json"]) + len(FILES["tokenizer.json"])
    assert shop.hub.gets(WEIGHTS)[-1].start == there and shop.hub.gets(WEIGHTS)[-1].served == size - there
    assert len(shop.hub.gets("config.json")) == 1
    assert downloads(run.lines)[0].bytes_downloaded > 0
    shop.assert_installed()


@pytest.mark.parametrize("kind", [Plan, Download, Importing])
def test_killed_at_any_stage_it_can_be_called_again(shop: Shop, kind: type[Line]) -> None:
    with shop.installer() as run:
        assert any(isinstance(line, kind) for line in run.read())
        run.kill()
    if (shop.models / NAME).exists():  # it was quicker
        read_model(shop.models / NAME)
    shop.install()
    shop.assert_installed()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_cancelled_it_leaves_only_what_can_be_resumed(shop: Shop, number: signal.Signals) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    with shop.installer(extra=["--stall-sec", "30"]) as run:
        fault.reached.wait()
        wait_until(lambda: shop.part.exists() and shop.part.stat().st_size == 100_000)
        run.process.send_signal(number)
        assert run.end() == 128 + number
    shop.assert_only_useful_leftovers()
    shop.install()
    assert shop.hub.served(WEIGHTS) == len(FILES[WEIGHTS])
    shop.assert_installed()


def test_a_library_that_takes_the_cancelling_for_its_own_failure(shop: Shop, tmp_path: Path) -> None:
    """As a module in C does that is being imported: what unwinds becomes an ImportError."""
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime/__init__.py").write_text(
        "import os, signal\n"
        "try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "except BaseException: raise ImportError('initialization failed')\n"
    )
    shop.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = shop.install()
    assert run.process.returncode == 128 + signal.SIGTERM, run.stderr
    assert not any(isinstance(line, Failed) for line in run.lines)
    shop.assert_only_useful_leftovers()


def test_it_leaves_with_its_parent(shop: Shop) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    with shop.installer(extra=["--stall-sec", "30"]) as run:
        fault.reached.wait()
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait() == 128 + signal.SIGTERM
    shop.assert_only_useful_leftovers()


def test_of_two_installers_the_second_says_that_one_runs(shop: Shop) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    with shop.installer(extra=["--stall-sec", "30"]) as first:
        fault.reached.wait()
        second = shop.install()
        assert second.process.returncode == 1 and second.error.name == "MODEL_DOWNLOAD_FAILED"
        assert "being installed by another process" in second.error.message
        # Another name is another matter, though the bytes are the same.
        assert shop.install(name="other").done.name == "other"
        first.kill()
    assert shop.install().done.name == NAME


def test_what_changed_at_the_hub_between_two_runs_is_fetched_anew(shop: Shop) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    with shop.installer(extra=["--stall-sec", "30"]) as run:
        fault.reached.wait()
        wait_until(lambda: shop.part.exists() and shop.part.stat().st_size == 100_000)
        run.kill()
    shop.repo.files = {"generation_config.json": b"{}", **FILES, "config.json": FILES["config.json"] + b"\n"}
    changed = bytearray(FILES[WEIGHTS])
    changed[-1] ^= 1
    shop.repo.files[WEIGHTS] = bytes(changed)
    shop.install()
    assert shop.hub.gets(WEIGHTS)[-1].start is None
    assert [len(shop.hub.gets(name)) for name in ("config.json", "tokenizer.json")] == [2, 1]
    shop.assert_installed()


def test_an_installed_model_is_replaced_only_at_the_end(shop: Shop) -> None:
    first = shop.install().done
    shop.repo.files["model.safetensors"] = b"\x10" + FILES[WEIGHTS][1:]
    broken = shop.install()
    assert broken.error.name == "MODEL_LOAD_FAILED" and broken.process.returncode == 1
    assert not shop.partial.exists()
    assert read_model(Path(first.path)).version == first.model_version
    shop.repo.files = {**FILES, "config.json": FILES["config.json"] + b"\n"}
    assert shop.install().done.path == first.path
    shop.assert_installed()


def test_the_fetched_files_can_be_kept(shop: Shop) -> None:
    shop.install(keep_source=True)
    assert {path.name for path in (shop.partial / "source").iterdir()} == set(FILES)
    again = shop.install(keep_source=True)
    assert again.plan.bytes_present == again.plan.bytes_total
    assert [len(shop.hub.gets(name)) for name in FILES] == [1, 1, 1]


def test_what_an_earlier_source_of_the_name_left_is_removed(shop: Shop) -> None:
    shop.install(keep_source=True)
    shard = "model-00001-of-00001.safetensors"
    shop.repo.files = {**FILES, shard: FILES[WEIGHTS], f"{WEIGHTS}.index.json": b'{"weight_map": {}}'}
    del shop.repo.files[WEIGHTS]
    shop.install(keep_source=True)
    left = {path.name for path in shop.partial.rglob("*") if path.is_file()}
    assert shard in left and left == {
        ORDER_FILE,
        *shop.repo.files,
        *(f"{name}.json" for name in shop.repo.files),
    }


def test_a_local_folder_is_imported_where_it_lies(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "My Model\x7f"
    shutil.copytree(FIXTURE, folder)
    run = shop.install(str(folder))
    assert run.process.returncode == 0, run.stderr
    assert (run.plan.repo, run.plan.bytes_total, run.plan.license) == (None, 0, "")
    assert run.done.name == "my-model" and shop.hub.seen == []
    shop.assert_installed("my-model")
    assert read_model(shop.models / "my-model").manifest.license == "unknown"
    assert (folder / WEIGHTS).exists()
    for nothing in (tmp_path / "missing", tmp_path / ("x" * 300)):
        assert shop.install(str(nothing)).error.name == "MODEL_NOT_FOUND"


def test_an_onnx_export_beside_its_configuration(shop: Shop) -> None:
    export = {path.name: path.read_bytes() for path in (FIXTURE.parent / "tiny_optimum/split").iterdir()}
    shop.hub.add(
        "owner/exports",
        {f"tiny/{name}": FILES[name] for name in ("config.json", "tokenizer.json")}
        | {f"tiny_fp32/{name}": data for name, data in export.items()}
        | {"tiny_fp32/decoder_with_past_model.onnx": b"not needed", "README.md": b"nor this"},
    )
    run = shop.install("owner/exports:tiny_fp32")
    assert run.process.returncode == 0, run.stderr
    assert run.done.name == "exports-tiny_fp32" and len(run.plan.files) == 2 + len(export)
    shop.assert_installed("exports-tiny_fp32")
    assert shop.install("owner/exports").error.name == "MODEL_LOAD_FAILED"  # which of them?


def test_a_name_of_the_catalogue(shop: Shop, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    text = f'name = "tiny"\nrepo = "{REPO}"\nformat = "safetensors"\nlicense = "MIT"\ndescription = "Tiny."\n'
    (catalogue / "tiny.toml").write_text(text)
    run = shop.install("tiny", catalogue=catalogue)
    assert (run.plan.license, run.done.name) == ("MIT", "tiny")
    assert read_model(shop.models / "tiny").manifest.description == "Tiny."
    known = f'{text}[[files]]\nname = "{WEIGHTS}"\nsha256 = "{"0" * 64}"\n'
    (catalogue / "tiny.toml").write_text(known)
    other = shop.install("tiny", catalogue=catalogue)
    assert "not the file that the catalogue means" in other.error.message
    assert len(shop.hub.gets(WEIGHTS)) == 1
    unknown = shop.install("nothing", catalogue=catalogue)
    assert unknown.error.name == "MODEL_NOT_FOUND" and "tiny" in unknown.error.details


def test_a_source_that_names_nothing(shop: Shop) -> None:
    assert shop.install("owner/../name").error.name == "INVALID_PARAMS" and not shop.models.exists()


def test_pickles_are_refused_before_a_byte_is_fetched(shop: Shop) -> None:
    shop.repo.files = {"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"\x80\x02"}
    run = shop.install()
    assert run.error.name == "MODEL_LOAD_FAILED" and "pickles" in run.error.message
    assert not shop.hub.gets("config.json") and not shop.partial.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("config.json", b'{"model_type": "musicgen_melody"}'), ("tokenizer.json", b"{}")],
)
def test_another_kind_of_model_is_refused_before_its_weights_are_fetched(
    shop: Shop, name: str, content: bytes
) -> None:
    shop.repo.files = {**FILES, name: content}
    run = shop.install()
    assert run.error.name == "MODEL_LOAD_FAILED" and name in run.error.message
    assert not shop.hub.gets(WEIGHTS) and not shop.partial.exists()


def test_what_was_fetched_outlives_a_lack_of_memory(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'install' in sys.orig_argv:\n"
        "    import onnxruntime\n"
        "    def full(*arguments, **options): raise MemoryError('bad allocation')\n"
        "    onnxruntime.InferenceSession = full\n"
    )
    path = os.environ.get("PYTHONPATH", "")
    shop.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), path])
    run = shop.install(precision="int8")
    assert run.error.name == "MODEL_LOAD_FAILED" and "can't be loaded" in run.error.message
    assert "bad allocation" in run.error.details
    shop.environ["PYTHONPATH"] = path
    again = shop.install(precision="int8")
    assert again.plan.bytes_present == again.plan.bytes_total
    assert [len(shop.hub.gets(name)) for name in FILES] == [1, 1, 1]
    shop.assert_installed()


def test_a_precision_that_can_t_hold_a_weight_costs_no_download(shop: Shop) -> None:
    weights = load(FILES[WEIGHTS])
    weights["decoder.lm_heads.0.weight"] = weights["decoder.lm_heads.0.weight"].astype(np.float32)
    weights["decoder.lm_heads.0.weight"][3, 5] = 70_000.0
    shop.repo.files = {**FILES, WEIGHTS: save(weights)}
    run = shop.install(precision="fp16")
    assert run.error.name == "MODEL_LOAD_FAILED" and "float16" in run.error.message
    assert "--precision fp32" in run.error.recovery
    shop.assert_only_useful_leftovers()
    again = shop.install(precision="fp32")
    assert again.plan.bytes_present == again.plan.bytes_total
    assert [len(shop.hub.gets(name)) for name in FILES] == [1, 1, 1]
    shop.assert_installed()


def test_the_list_of_files_is_asked_for_again(shop: Shop) -> None:
    shop.hub.fail("list", status=503, times=2)
    assert shop.install(action="resolve").process.returncode == 0
    shop.hub.fail("list", status=503, times=99)
    run = shop.install(action="resolve", extra=["--tries", "2"])
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and "503" in run.error.message


def test_no_log_holds_a_token_or_a_signed_address(tmp_path: Path) -> None:
    with FakeHub(cdn=True) as hub:
        shop = Shop(hub, tmp_path)
        shop.repo.access = "private"
        shop.environ["HF_TOKEN"] = TOKEN
        hub.fail(WEIGHTS, status=503)
        run = shop.install(extra=["--log-level", "debug"])
        assert hub.gets(WEIGHTS)[0].path.startswith("/cdn/")
        assert run.done.name == NAME and "signature" not in run.stderr and TOKEN not in run.stderr


@pytest.mark.parametrize(
    "answer", [b"<html>log in to the network</html>", b"[]", b'{"siblings": [{"rfilename": 1, "lfs": {}}]}']
)
def test_what_answers_like_no_hub_is_told(shop: Shop, answer: bytes) -> None:
    shop.hub.fail("list", status=200, body=answer, times=99)
    run = shop.install(action="resolve")
    assert run.error.name == "MODEL_DOWNLOAD_FAILED" and shop.hub.endpoint in run.error.message


def test_a_refused_repository_costs_no_bytes_that_came_before(shop: Shop) -> None:
    fault = shop.hub.fail(WEIGHTS, then="stall", after=100_000)
    with shop.installer(extra=["--stall-sec", "30"]) as run:
        fault.reached.wait()
        wait_until(lambda: shop.part.exists() and shop.part.stat().st_size == 100_000)
        run.kill()
    shop.hub.add("owner/pickles", {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02"})
    assert shop.install("owner/pickles", name=NAME).error.name == "MODEL_LOAD_FAILED"
    assert shop.part.stat().st_size == 100_000


def test_missing_gated_and_private_repositories(shop: Shop) -> None:
    missing = shop.install("owner/nothing")
    assert missing.error.name == "MODEL_NOT_FOUND" and "owner/nothing" in missing.error.message
    assert list((shop.models / ".partial").iterdir()) == []
    revision = shop.install(f"{REPO}@v9")
    assert revision.error.name == "MODEL_NOT_FOUND" and "revision" in revision.error.message
    shop.repo.access = "gated"
    gated = shop.install()
    assert gated.error.name == "MODEL_DOWNLOAD_FAILED" and "HF_TOKEN" in gated.error.recovery
    shop.assert_only_useful_leftovers()
    shop.repo.access = "private"
    assert shop.install().error.name == "MODEL_NOT_FOUND"
    shop.environ["HF_TOKEN"] = "hf_good"
    assert shop.install().done.name == NAME


def test_an_installer_needs_no_shell_and_no_working_folder(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "lofi_worker").mkdir()  # of no interest: `-P` keeps the working folder off the path
    (tmp_path / "lofi_worker" / "__init__.py").write_text("raise SystemExit(9)")
    run = shop.install("--help", cwd=tmp_path)
    assert run.error.name == "INVALID_PARAMS", run.stderr
