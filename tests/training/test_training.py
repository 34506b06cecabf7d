"""Training and its exporter, where torch is installed (the `train` extra): what is learned is what runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")

from lofi_worker.importer.decoder_graph import build_decoder  # noqa: E402
from training.data import PADDING, Corpus, Crops, crop  # noqa: E402
from training.export import read_weights  # noqa: E402
from training.model import Starter, delay  # noqa: E402
from training.objective import CLOSING_WEIGHT, places_of, step_weights  # noqa: E402
from training.render import render  # noqa: E402
from training.shape import DECODER, MAX_STEPS, MAX_TEXT_TOKENS, SPECIAL, TEXT  # noqa: E402
from training.tokens import CODEBOOKS, HEADER_FRAMES  # noqa: E402
from training.train import Recipe, _learn, _restore, _save, new_model, new_optimizer  # noqa: E402

# On a busy machine a step of milliseconds takes minutes of threads that wait for one another.
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    render(folder, tracks=24, captions=1_500, seed=4)
    return folder


def crops_of(first: int, total: int, steps: int) -> Crops:
    codes = np.full((CODEBOOKS, total), 1)
    cut = crop(codes, first, steps)
    return Crops(torch.from_numpy(cut[None]), torch.tensor([first]), torch.tensor([total]))


def test_a_crop_has_the_header_and_its_steps_and_is_padded_behind_the_end() -> None:
    frames = HEADER_FRAMES + 8 + 6
    codes = np.arange(4 * frames).reshape(4, frames)
    cut = crop(codes, 8, 10)
    assert np.array_equal(cut[:, :HEADER_FRAMES], codes[:, :HEADER_FRAMES])
    assert np.array_equal(cut[:, HEADER_FRAMES : HEADER_FRAMES + 6], codes[:, HEADER_FRAMES + 8 :])
    assert (cut[:, HEADER_FRAMES + 6 :] == PADDING).all()


def test_columns_of_a_crop_know_their_place_and_how_many_frames_are_left() -> None:
    places, left = places_of(crops_of(first=64, total=HEADER_FRAMES + 70, steps=8), HEADER_FRAMES + 3)
    assert places[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 71, 72, 73]
    assert left[0].tolist() == [76, 75, 74, 73, 72, 71, 70, 5, 4, 3]


def test_the_last_bars_count_more_and_nothing_counts_behind_the_end() -> None:
    weights = step_weights(crops_of(first=0, total=HEADER_FRAMES + 40, steps=48)).tolist()
    assert weights == [1.0] * 8 + [CLOSING_WEIGHT] * 32 + [0.0] * 8


def test_delayed_codes_stay_on_their_device() -> None:
    assert delay(torch.zeros((1, 4, 3), dtype=torch.long, device="meta"), SPECIAL).device.type == "meta"


def test_a_step_learns_and_a_resumed_run_goes_on_where_it_stopped(work: Path) -> None:
    corpus = Corpus(work)
    recipe = Recipe(minutes=1, short=(3, 64), header_tokens=200)
    model = new_model(corpus.tokenizer.get_vocab_size())
    optimizer = new_optimizer(model, recipe)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    music, header = _learn(model, optimizer, corpus, recipe, recipe.short, np.random.default_rng(0))
    assert torch.isfinite(music).all() and np.isfinite(header)
    assert any(not torch.equal(before[name], value) for name, value in model.state_dict().items())
    _save(work, "run", model, optimizer, 7, 3.5)
    other = new_model(corpus.tokenizer.get_vocab_size())
    assert _restore(work, "run", other, new_optimizer(other, recipe)) == (7, 3.5)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_checkpoint_of_another_tokenizer_is_refused(work: Path, tmp_path: Path) -> None:
    model = new_model(50)
    tokenizer = (work / "tokenizer.json").read_text(encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    _save(tmp_path, "run", model, new_optimizer(model, Recipe(minutes=1)), 1, 1.0)
    (tmp_path / "tokenizer.json").write_text(tokenizer.replace("piano", "piana", 1), encoding="utf-8")
    with pytest.raises(ValueError, match="another tokenizer"):
        read_weights(tmp_path, "run")


def test_the_exported_graph_computes_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Starter(TEXT, DECODER, 50, MAX_TEXT_TOKENS, MAX_STEPS).eval()
    (tmp_path / "tokenizer.json").write_text("{}")
    _save(tmp_path, "run", model, new_optimizer(model, Recipe(minutes=1)), 1, 1.0)
    saved = read_weights(tmp_path, "run")
    graph = build_decoder(saved.weights, DECODER, saved.positions, endings=saved.endings)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    length, total = 150, 160
    codes = torch.randint(DECODER.codebook_size, (1, CODEBOOKS, length), generator=torch.manual_seed(2))
    fed = delay(codes, SPECIAL)[:, :, :length]
    places = torch.arange(length)[None]
    nothing = torch.zeros(1, 32, DECODER.hidden), torch.zeros(1, 32)
    with torch.no_grad():
        hidden = model(fed, places, total - 1 - places, *nothing)
        wanted = torch.stack([hidden @ model.head(q).T for q in range(CODEBOOKS)], dim=2).numpy()
    shapes = {"past": length, "cross": 32}
    feeds = {
        each.name: np.zeros((1, DECODER.heads, shapes[each.name.split(".")[0]], DECODER.head_dim), np.float32)
        for each in session.get_inputs()
        if each.name.startswith(("past", "cross."))
    }
    feeds |= {
        "tokens": fed.transpose(1, 2).numpy(),
        "seqlens_k": np.array([length - 1], np.int32),
        "total_sequence_length": np.array([length], np.int32),
        "cross_mask": np.zeros((1, 32), np.int32),
        "frames_left": np.array([total - length], np.int64),
    }
    logits = session.run(["logits"], feeds)[0]
    assert np.abs(logits - wanted).max() < 1e-3
    assert np.abs(wanted).max() > 0.1
