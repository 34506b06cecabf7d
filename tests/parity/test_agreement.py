"""What an import says about its closeness to float32, and how the folder's weights are guarded."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lofi_common.errors import ModelLoadFailed, ModelNotFound
from lofi_common.manifest import AgreementSpec, read_model
from lofi_worker.importer import agreement, calibrate
from lofi_worker.importer.agreement import LATE, STRETCH, Reference, compare, refer
from lofi_worker.importer.calibrate import cache_scales
from lofi_worker.importer.compose import LanguageModel
from lofi_worker.importer.sequence import CodeSequence
from lofi_worker.musicgen import session as session_module
from lofi_worker.musicgen.columns import without_prompt
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings

ONE = RunSettings(threads=1, device="cpu")


def language_model(folder: Path) -> LanguageModel:
    spec = read_model(folder).manifest
    tokenizer = (folder / "tokenizer.json").read_bytes()
    return LanguageModel(folder, tokenizer, spec.text.max_tokens, spec.decoder)


@pytest.fixture(scope="module")
def reference(tiny: Path) -> Reference:
    return refer(language_model(tiny), ONE)


def test_float32_agrees_with_itself(tiny: Path, reference: Reference) -> None:
    assert compare(language_model(tiny), reference, ONE) == AgreementSpec(top1=1.0, kl=0.0)
    assert read_model(tiny).manifest.agreement == AgreementSpec(top1=1.0, kl=0.0)


def test_the_manifest_says_what_is_measured(tiny_int8: Path, reference: Reference) -> None:
    manifest = read_model(tiny_int8).manifest
    assert manifest.precision == "int8"
    assert manifest.agreement == compare(language_model(tiny_int8), reference, ONE)
    assert 0.8 < manifest.agreement.top1 < 1
    assert 0 < manifest.agreement.kl < 0.3
    assert not list(tiny_int8.glob(".float32*"))


def test_another_text_encoder_is_noticed(
    tiny: Path, tiny_int8: Path, reference: Reference, tmp_path: Path
) -> None:
    """The measure covers the prompt's way, too: a worse encoder beside the exact decoder lowers it."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    for name in ("text_encoder.onnx", "text_encoder.data"):
        shutil.copy(tiny_int8 / name, folder / name)
    found = compare(replace(language_model(tiny), folder=folder), reference, ONE)
    assert 0 < found.kl < 0.3


def test_the_reference_is_a_piece_of_music_in_the_delay_pattern(tiny: Path, reference: Reference) -> None:
    spec = language_model(tiny).spec
    composed = reference.beginnings
    special = composed.columns == spec.codebook_size
    prompts, columns, _ = composed.columns.shape
    first = [np.flatnonzero(~special[0, :, q])[0] for q in range(spec.codebooks)]
    assert first == [1 + delay for delay in spec.delays]
    assert composed.logits.shape == (prompts, columns - 1, spec.codebooks, spec.codebook_size)
    assert len({row.tobytes() for row in composed.columns}) == prompts


def test_a_long_sequence_begins_as_one_and_has_codes_in_all_codebooks_after_it(
    tiny: Path, reference: Reference
) -> None:
    spec = language_model(tiny).spec
    columns = reference.beginnings.looped(spec.delays, 1600)
    begin = 1 + max(spec.delays)
    assert (columns[:begin] == reference.beginnings.columns[0, :begin]).all()
    assert columns.shape == (1600, spec.codebooks) and (columns[begin:] < spec.codebook_size).all()


def test_no_prompt_is_used_both_to_calibrate_and_to_measure() -> None:
    assert not set(agreement.PROMPTS) & set(calibrate.PROMPTS)
    assert len(set(agreement.PROMPTS)) == len(agreement.PROMPTS) == len(set(calibrate.PROMPTS))


def test_the_late_stretches_are_measured_with_all_that_comes_before_them(
    tiny: Path, reference: Reference
) -> None:
    """One position after the other gives the same logits."""
    model = language_model(tiny)
    assert tuple(reference.late) == LATE
    columns = reference.beginnings.looped(model.spec.delays, LATE[-1] + STRETCH)
    text = model.encode(agreement.PROMPTS[:1], ONE)[0]
    session = model.decoder(ONE)
    rows = []
    for each in (text, without_prompt(text)):
        sequence = CodeSequence(session, model.spec, len(columns))
        rows.append([sequence.run(each, columns[at : at + 1], at)[0] for at in range(len(columns))])
    conditional, unconditional = (np.array(row) for row in rows)
    guided = unconditional + (conditional - unconditional) * 3.0
    for start in LATE:
        np.testing.assert_allclose(reference.late[start], guided[start : start + STRETCH], atol=1e-3)


def test_what_goes_wrong_late_lowers_the_agreement(
    tiny_int8: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that is clipped beyond the first positions costs nothing there."""
    run = CodeSequence.run

    def clip(sequence: CodeSequence, *arguments: object) -> object:
        for each in sequence.cache.values():
            np.clip(each[:, :, STRETCH:], -3, 3, out=each[:, :, STRETCH:])
        return run(sequence, *arguments)  # type: ignore[arg-type]

    model = language_model(tiny_int8)
    before = compare(model, reference, ONE)
    monkeypatch.setattr(CodeSequence, "run", clip)
    assert compare(model, reference, ONE).kl > 1.5 * before.kl


@pytest.mark.parametrize(("max_steps", "late"), [(64, ()), (627, ()), (628, (500,)), (1527, (500,))])
def test_a_model_is_measured_as_far_as_it_reaches(tiny: Path, max_steps: int, late: tuple[int, ...]) -> None:
    model = language_model(tiny)
    model = replace(model, spec=msgspec.structs.replace(model.spec, max_steps=max_steps))
    found = refer(model, ONE)
    assert tuple(found.late) == late
    assert compare(model, found, ONE) == AgreementSpec(top1=1.0, kl=0.0)


def test_scales_hold_what_another_prompt_makes_and_little_more(tiny: Path) -> None:
    model = language_model(tiny)
    spec = model.spec
    scales = cache_scales(model, ONE)
    assert len(scales) == spec.layers
    (text,) = model.encode(["night jazz , fast drums and a guitar in the rain"], ONE)
    session = model.decoder(ONE)
    kinds = [f"{i}.{kind}" for i in range(spec.layers) for kind in ("key", "value")]
    cache = {kind: np.zeros((2, spec.heads, spec.max_steps, spec.head_dim), np.float32) for kind in kinds}
    tokens = np.random.default_rng(3).integers(0, spec.codebook_size, (2, spec.max_steps, spec.codebooks))
    feeds = {
        "tokens": tokens,
        "seqlens_k": np.full(2, spec.max_steps - 1, np.int32),
        "total_sequence_length": np.full(1, spec.max_steps, np.int32),
        "cross_mask": np.ones((1, text.tokens), np.int32),
        **{f"past.{kind}": each for kind, each in cache.items()},
        **{name: each[None] for name, each in text.cross.items()},
    }
    present = session.run(feeds, [f"present.{kind}" for kind in kinds])
    for kind, values in zip(kinds, present, strict=True):
        layer, part = kind.split(".")
        scale = getattr(scales[int(layer)], part)
        assert scale.shape == (spec.heads * spec.head_dim,)
        used = np.abs(values) / (127 * scale.reshape(spec.heads, 1, spec.head_dim))
        assert (used > 1).mean() < 4e-4, kind  # hardly any is clipped
        assert used.max(axis=(0, 2)).min() > 0.5, kind  # and no channel has much wider steps than it needs


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (damage, ModelLoadFailed),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), ModelLoadFailed),
        (Path.unlink, ModelNotFound),
    ],
)
def test_damaged_weights_are_refused(
    tiny: Path, tmp_path: Path, change: Callable[[Path], object], error: type[Exception]
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    change(folder / "decoder.data")
    with pytest.raises(error, match=r"decoder\.data"):
        Session(read_model(folder), "decoder.onnx", ONE)


def replace_file(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy(path, other)
    other.replace(path)


@pytest.mark.parametrize("change", [replace_file, damage])
def test_weights_that_change_between_check_and_load_are_refused(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    check = session_module.check_large_file

    def check_then_change(*what: object) -> None:
        check(*what)  # type: ignore[arg-type]
        change(folder / "decoder.data")

    monkeypatch.setattr(session_module, "check_large_file", check_then_change)
    with pytest.raises(ModelLoadFailed, match="changed while it was loaded"):
        Session(read_model(folder), "decoder.onnx", ONE)


def test_weights_that_are_gone_since_the_manifest_was_read_are_named(tiny: Path, tmp_path: Path) -> None:
    model = read_model(shutil.copytree(tiny, tmp_path / "model"))
    (model.folder / "decoder.data").unlink()
    with pytest.raises(ModelNotFound, match=r"decoder\.data"):
        Session(model, "decoder.onnx", ONE)
