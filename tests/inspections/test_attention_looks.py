"""What a vision transformer looks at and would say on the way, beside torch's own attention and formulas in numpy."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.inspections.runs import opened
from tui_lab.data.standardize import to_float
from tui_lab.inspections import attention as module
from tui_lab.inspections import inspector as inspector_module
from tui_lab.inspections.attention import Walk, attention_maps, rollout
from tui_lab.inspections.catalogue import read_inspection, read_inspections
from tui_lab.inspections.content import Guess, Sample
from tui_lab.inspections.transformers import OfViT, rolled_out, stops, transformer_of
from tui_lab.models.vit import SelfAttention, ViT
from tui_lab.pictures import Picture

SMALL = {
    "dataset": "digits",
    "train_size": 100,
    "test_size": 60,
    "batch_size": 20,
    "epochs": 2,
    "patch_size": 2,
    "embed_dim": 12,
    "lr": 0.01,
}
OF_TRANSFORMERS = ["attention", "rollout", "class-token", "patch-similarity", "position-similarity"]
TIMM = {"dataset": "digits", "train_size": 30, "test_size": 24, "batch_size": 10, "epochs": 1, "model": "test_vit"}
TIMM |= {"pretrained": False, "image_size": 32}


@pytest.fixture
def patient(monkeypatch):
    """As many samples are classified after each block as there are."""
    monkeypatch.setattr(module, "JUDGING_S", 1e9)


def torch_weights(block: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """The attention weights (B, H, T, T) that nn.MultiheadAttention gives with the weights of the block."""
    own = block.attention
    width = tokens.shape[-1]
    heads = 1 if isinstance(own, SelfAttention) else own.num_heads
    theirs = nn.MultiheadAttention(width, heads, batch_first=True)
    with torch.no_grad():
        if isinstance(own, SelfAttention):
            theirs.in_proj_weight.copy_(torch.cat([own.q.weight, own.k.weight, own.v.weight]))
            theirs.in_proj_bias.copy_(torch.cat([own.q.bias, own.k.bias, own.v.bias]))
        else:
            theirs.in_proj_weight.copy_(own.qkv.weight)
            theirs.in_proj_bias.copy_(own.qkv.bias)
    x = block.norm1(tokens) if block.is_pre_norm else tokens
    return theirs(x, x, x, average_attn_weights=False)[1].detach()


def seen(it: Any, indices: list[int]) -> torch.Tensor:
    """Test samples as the model sees them."""
    test = it.session.evaluations["test"]
    x, _ = test.batch(test.draw(0), 0)
    return x[indices]


def shares(one: Any) -> list[float]:
    return [one.share(place) for place in range(len(one.levels))]


# Beside torch, numpy and the model itself


@pytest.mark.parametrize(
    "values",
    [
        {"num_heads": 3},
        {"num_heads": 1, "depth": 3},
        {"norm": "pre", "position": "learned", "attention": "fused"},
        {"class_token": "mean-pool", "position": "none"},
        {"class_token": "frozen", "softmax_output": True},
    ],
)
def test_maps_are_the_weights_of_torchs_attention(values, tmp_path):
    with opened(tmp_path, "vit", **{**SMALL, **values}) as it:
        it.session.run()
        model = it.session.engine.model.eval()
        maps, rolled = (read_inspection(it.run, name) for name in ("attention", "rollout"))
        x = seen(it, [one.sample.index for one in maps.samples])
        blocks = []
        with torch.no_grad():
            tokens = model.embed(x)
            for block in model.blocks:
                blocks.append(torch_weights(block, tokens))
                tokens = block(tokens)
    has_token = values.get("class_token") != "mean-pool"
    assert (maps.of_class_token, maps.grid.rows, maps.grid.columns, maps.grid.tokens) == (
        has_token,
        4,
        4,
        16 + has_token,
    )
    assert (len(maps.samples), maps.blocks) == (12, tuple(range(1, len(blocks) + 1)))
    for i, one in enumerate(maps.samples):
        for weights, of_block in zip(blocks, one.blocks, strict=True):
            rows = weights[i, :, 0] if has_token else weights[i].mean(1)  # (H, T)
            expected = [rows.mean(0), *rows]
            for found, row in zip((of_block.mean, *of_block.heads), expected, strict=True):
                assert shares(found) == pytest.approx(row[int(has_token) :].tolist(), abs=found.largest / 500 + 1e-4)
                assert found.beside == pytest.approx(float(row[0]) if has_token else 0.0, abs=1e-4)
                assert sum(shares(found)) + found.beside == pytest.approx(1, abs=16 * found.largest / 500)
    # Rollout: Â_k ··· Â_1 with Â = (mean over heads + I) / 2 and rows that sum to 1, in float64
    for i, one in enumerate(rolled.samples):
        product = np.eye(maps.grid.tokens)
        for weights, found in zip(blocks, one.blocks, strict=True):
            a = (weights[i].double().mean(0).numpy() + np.eye(maps.grid.tokens)) / 2
            product = a / a.sum(1, keepdims=True) @ product
            row = product[0] if has_token else product.mean(0)
            assert shares(found) == pytest.approx(row[int(has_token) :].tolist(), abs=found.largest / 500 + 1e-4)
            assert sum(shares(found)) + found.beside == pytest.approx(1, abs=16 * found.largest / 500)


@pytest.mark.parametrize("values", [{}, {"class_token": "mean-pool", "norm": "pre"}, {"softmax_output": True}])
def test_the_end_of_the_path_is_what_the_model_says(values, tmp_path, patient):
    with opened(tmp_path, "vit", **{**SMALL, **values}) as it:
        it.session.run()
        model = it.session.engine.model.eval()
        path, samples = (read_inspection(it.run, name) for name in ("class-token", "samples"))
        x, y = seen(it, list(range(60))), it.dataset.test.y
        with torch.no_grad():
            tokens = [model.embed(x)]
            for block in model.blocks:
                tokens.append(block(tokens[-1]))
            said = [model.classify(one).softmax(1) for one in tokens]
            outputs = model(x)
    assert path.judged == 60
    assert path.accuracies == pytest.approx([float((one.argmax(1) == y).float().mean()) for one in said], abs=1e-3)
    assert path.accuracies[-1] == pytest.approx(it.recorder.status.last["test_accuracy"], abs=1e-3)
    probabilities = outputs if values.get("softmax_output") else outputs.softmax(1)
    for one, shown in zip(path.samples, samples.chosen, strict=True):
        same = (one.sample.index, one.sample.label, one.sample.loss)
        assert same == (shown.index, shown.label, pytest.approx(shown.loss, abs=1e-5))
        assert [guess.label for guess in one.steps[-1].guesses] == [guess.label for guess in shown.guesses]
        assert one.steps[-1].truth == pytest.approx(float(probabilities[shown.index, shown.label]), abs=1e-3)
        for step, now in zip(one.steps, said, strict=True):
            assert step.truth == pytest.approx(float(now[shown.index, shown.label]), abs=1e-3)
    gathered = [one[:, 0] if path.of_class_token else one.mean(1) for one in tokens]
    expected = [float(nn.functional.cosine_similarity(*two).mean()) for two in pairwise(gathered)]
    assert path.cosines[1:] == pytest.approx(expected, abs=1e-3)
    assert np.isnan(path.cosines[0])


def test_similarities_are_cosines(tmp_path):
    with opened(tmp_path, "vit", **SMALL, position="learned") as it:
        it.session.run()
        model = it.session.engine.model
        filters, positions = (read_inspection(it.run, name) for name in OF_TRANSFORMERS[3:])
    weights = model.patch_embedding.weight.detach().flatten(1).double().numpy()
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    assert (filters.filters, filters.shown) == (12, 12)
    for i, j in ((0, 0), (3, 8), (11, 4)):
        assert filters.cosine(i, j) == pytest.approx(unit[i] @ unit[j], abs=1 / 250)
    vectors = model.position.detach()[0, 1:].double().numpy()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert positions.is_learned and (positions.at_rows, positions.at_columns) == ((0, 1, 2, 3),) * 2
    expected = (unit @ unit.T).reshape(16, 16)
    for i, tile in enumerate(positions.tiles):
        assert [level / 127.5 - 1 for level in tile] == pytest.approx(expected[i].tolist(), abs=1 / 250)


def test_without_positions_there_is_nothing_to_compare(tmp_path):
    with opened(tmp_path, "vit", **SMALL, position="none") as it:
        it.session.run()
        found = read_inspections(it.run)
        assert [name for name in OF_TRANSFORMERS if name in found] == OF_TRANSFORMERS[:4]
        assert not it.events("warning")


@pytest.mark.parametrize("exercise", ["convnet", "mlp"])
def test_other_networks_have_none_of_these(exercise, tmp_path):
    few = {name: SMALL[name] for name in ("dataset", "train_size", "test_size", "batch_size", "epochs")}
    with opened(tmp_path, exercise, **few) as it:
        it.session.run()
        assert not set(OF_TRANSFORMERS) & set(read_inspections(it.run))
        assert not it.events("warning")


# Random transformers


@given(
    heads=st.integers(1, 4),
    width=st.integers(1, 5),
    depth=st.integers(1, 4),
    norm=st.sampled_from(["pre", "post"]),
    class_token=st.sampled_from(["learned", "frozen", "mean-pool"]),
    position=st.sampled_from(["sinusoidal", "learned", "none"]),
    grid=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_rows_sum_to_one_and_the_last_stop_is_the_model(heads, width, depth, norm, class_token, position, grid, seed):
    torch.manual_seed(seed)
    rows, columns = grid
    shape = (1, 3 * rows, 3 * columns)
    model = ViT(
        shape, 5, heads * width, 3, depth, heads, norm=norm, class_token=class_token, position=position, drop_path=0.5
    ).eval()
    x = torch.randn(3, *shape)
    transformer = transformer_of(model)
    assert isinstance(transformer, OfViT) and transformer.grid == grid and transformer.heads == heads
    with torch.no_grad():
        found = list(stops(transformer, x, with_weights=True))
        torch.testing.assert_close(transformer.classify(found[-1].tokens), model(x), atol=1e-5, rtol=1e-4)
    means = [stop.weights.mean(1) for stop in found[1:]]
    tokens = rows * columns + (class_token != "mean-pool")
    assert all(stop.weights.shape == (3, heads, tokens, tokens) for stop in found[1:])
    start = torch.full((tokens,), 1 / tokens)
    for row in (*(stop.weights for stop in found[1:]), *rolled_out(means, start)):
        assert torch.allclose(row.sum(-1), torch.ones(()), atol=1e-5) and float(row.min()) >= 0


# Nothing is changed, and files stay small


def test_a_run_ends_with_the_same_bits_with_and_without_inspections(tmp_path, monkeypatch):
    monkeypatch.setattr(inspector_module, "MOST_OF_TRAINING", 1e9)
    monkeypatch.setattr(inspector_module, "LEAST_INTERVAL_S", 0.0)
    values = {**SMALL, "dropout": 0.2, "drop_path": 0.3, "epochs": 3}
    ends = []
    for inspected in (True, False):
        with opened(tmp_path / str(inspected), "vit", inspected=inspected, **values) as it:
            it.session.run()
            ends.append((it.session.engine.weights(), torch.get_rng_state()))
            assert set(OF_TRANSFORMERS) <= set(read_inspections(it.run)) if inspected else not read_inspections(it.run)
            assert not it.events("warning")
    (one, state), (other, other_state) = ends
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(state, other_state)


@pytest.mark.parametrize(
    ("grid", "depth", "heads"),
    [((4, 4), 2, 4), ((14, 14), 12, 12), ((16, 16), 64, 16), ((56, 56), 12, 3), ((2, 2), 64, 128)],
)
def test_files_stay_small_however_large_the_model(grid, depth, heads):
    blocks = module._kept(depth)
    tokens = grid[0] * grid[1] + 1
    picture = Picture(64, 64, bytes(64 * 64 * 3))
    samples = tuple(Sample(i, picture, 0, (Guess(0, 0.5),), 1.0) for i in range(12))
    attention = tuple(torch.rand(12, heads, tokens).softmax(-1) for _ in blocks)
    rows = tuple(one.mean(1) for one in attention)
    logits = tuple(torch.rand(12, 10) for _ in range(depth + 1))
    found = Walk(grid, 1, tokens, depth, blocks, True, attention, rows, logits, logits, samples)
    maps, rolled = attention_maps(found, ("a", "b"), (1.0, 1)), rollout(found, ("a", "b"), (1.0, 1))
    assert (blocks[0], blocks[-1], len(blocks)) == (1, depth, min(depth, 24))
    assert maps.blocks == rolled.blocks == blocks and len(maps.samples) >= 4 and maps.shown_heads >= 1
    assert max(maps.grid.rows, maps.grid.columns) <= 32
    pictures = len(json.dumps(picture.to_json())) * 12
    assert len(json.dumps(maps.to_json())) - pictures < 450_000
    assert len(json.dumps(rolled.to_json())) - pictures < 500_000


# timm's


def test_timms_transformers_are_seen_as_their_own_attention_has_it(tmp_path, patient):
    for trainable in ("head", "all"):  # with kept features, and with images
        with opened(tmp_path / trainable, "timm", **TIMM, trainable=trainable) as it:
            it.session.run()
            model = it.session.engine.model.eval()
            maps, path = (read_inspection(it.run, name) for name in ("attention", "class-token"))
            assert not it.events("warning")
            indices = [one.sample.index for one in maps.samples]
            x = to_float(it.dataset.test.x[indices])
            weights: list[torch.Tensor] = []
            for block in model.network.blocks:
                block.attn.fused_attn = False
                block.attn.attn_drop.register_forward_hook(lambda _, given, out, kept=weights: kept.append(given[0]))
            with torch.no_grad():
                outputs = model(x).softmax(1)
        of_class_token = model.network.global_pool == "token"
        before = model.network.num_prefix_tokens
        assert (maps.of_class_token, maps.depth, maps.grid.rows) == (of_class_token, 6, 2)
        for i, one in enumerate(maps.samples):
            for of_block, theirs in zip(one.blocks, weights, strict=True):
                rows = theirs[i, :, 0] if of_class_token else theirs[i, :, before:].mean(1)
                for found, row in zip(of_block.heads, rows, strict=True):
                    assert shares(found) == pytest.approx(row[before:].tolist(), abs=found.largest / 500 + 1e-4)
        assert path.judged == 24
        assert path.accuracies[-1] == pytest.approx(it.recorder.status.last["test_accuracy"], abs=1e-3)
        for one, now in zip(path.samples, outputs, strict=True):
            assert one.steps[-1].truth == pytest.approx(float(now[one.sample.label]), abs=1e-3)
            assert one.sample.predicted == int(now.argmax())


def test_networks_of_timm_that_are_no_such_transformers_are_left_alone(tmp_path):
    with opened(tmp_path, "timm", **{**TIMM, "model": "test_resnet"}) as it:
        assert transformer_of(it.session.engine.model) is None
