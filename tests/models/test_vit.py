"""The vision transformer against torch's and timm's, with the same weights."""

from __future__ import annotations

import math
from itertools import product

import pytest
import timm.models.vision_transformer as timm_vit
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.models.vit import (
    Block,
    DropPath,
    MultiHeadSelfAttention,
    SelfAttention,
    ViT,
    attend,
    attention_weights,
    patches_of,
    sinusoidal_embedding,
)

SIZES = st.sampled_from([(8, 1), (8, 2), (12, 3), (32, 4), (10, 10)])  # (embed_dim, num_heads)


def copied(source: nn.Module, target: nn.Module, names: dict[str, str]) -> None:
    """Load the state of `source` into `target`, renamed; every tensor of the target must be given."""
    state = source.state_dict()
    if isinstance(source, ViT):
        state["patch_embedding.weight"] = source.patch_filters  # a convolution's, elsewhere
    for theirs, ours in names.items():
        state = {name.replace(ours, theirs): tensor for name, tensor in state.items()}
    target.load_state_dict(state)


def tokens(embed_dim: int, seed: int = 0, count: int = 5, batch: int = 3) -> Tensor:
    return torch.randn(batch, count, embed_dim, generator=torch.Generator().manual_seed(seed))


@given(SIZES, st.integers(0, 2**16), st.integers(1, 9), st.sampled_from(["by-hand", "fused"]))
def test_attention_is_that_of_torch(size: tuple[int, int], seed: int, count: int, kind: str) -> None:
    embed_dim, heads = size
    torch.manual_seed(seed)
    ours = MultiHeadSelfAttention(embed_dim, heads, kind)
    theirs = nn.MultiheadAttention(embed_dim, heads, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.projection.weight,
            "out_proj.bias": ours.projection.bias,
        }
    )
    x = tokens(embed_dim, seed, count)
    y, weights = theirs(x, x, x, average_attn_weights=False)
    torch.testing.assert_close(ours(x), y, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(ours.weights(x), weights, atol=1e-6, rtol=1e-4)


@given(st.integers(0, 2**16), st.sampled_from(["by-hand", "fused"]))
def test_one_head_is_several_heads_of_one(seed: int, kind: str) -> None:
    torch.manual_seed(seed)
    one, several = SelfAttention(6, kind), MultiHeadSelfAttention(6, 1, kind)
    with torch.no_grad():
        several.qkv.weight.copy_(torch.cat([one.q.weight, one.k.weight, one.v.weight]))
        several.qkv.bias.copy_(torch.cat([one.q.bias, one.k.bias, one.v.bias]))
    several.projection.load_state_dict(one.projection.state_dict())
    x = tokens(6, seed)
    torch.testing.assert_close(one(x), several(x))
    torch.testing.assert_close(one.weights(x), several.weights(x))


def test_attention_in_float64_is_the_formula_sum_by_sum() -> None:
    q, k, v = (tokens(4, seed).double() for seed in range(3))
    for b in range(len(q)):
        for t in range(q.shape[1]):
            scores = [sum(q[b, t, d] * k[b, s, d] for d in range(4)) / math.sqrt(4) for s in range(q.shape[1])]
            total = sum(math.exp(score) for score in scores)
            mean = sum(math.exp(score) / total * v[b, s] for s, score in enumerate(scores))
            torch.testing.assert_close(attend(q, k, v)[b, t], mean)


@given(st.floats(-50, 50), st.integers(1, 12))
def test_the_weights_of_a_token_sum_to_one_however_large_the_scores(scale: float, count: int) -> None:
    q, k = tokens(4, 0, count) * scale, tokens(4, 1, count) * scale
    weights = attention_weights(q, k)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, count))


@pytest.mark.parametrize("kind", ["by-hand", "fused"])
def test_a_pre_norm_block_is_that_of_timm(kind: str) -> None:
    torch.manual_seed(0)
    ours = Block(32, 4, 128, norm="pre", kind=kind)
    theirs = timm_vit.Block(32, 4, mlp_ratio=4, qkv_bias=True, norm_layer=nn.LayerNorm)
    copied(ours, theirs, {"attn": "attention", "attn.proj": "attn.projection"})
    x = tokens(32)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-4)


def test_a_post_norm_block_is_torch_s_encoder_layer() -> None:
    torch.manual_seed(0)
    ours = Block(32, 4, 64, norm="post")
    theirs = nn.TransformerEncoderLayer(32, 4, 64, dropout=0, activation="gelu", batch_first=True, norm_first=False)
    state = ours.state_dict()
    names = {"attention.projection": "self_attn.out_proj", "mlp.fc1": "linear1", "mlp.fc2": "linear2"}
    for mine, its in names.items():
        state = {name.replace(mine, its): tensor for name, tensor in state.items()}
    renamed = {"attention.qkv.weight": "self_attn.in_proj_weight", "attention.qkv.bias": "self_attn.in_proj_bias"}
    theirs.load_state_dict({renamed.get(name, name): tensor for name, tensor in state.items()})
    theirs.train()  # in eval mode it takes a path of its own
    x = tokens(32)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("norm", "kind"), product(["post", "pre"], ["by-hand", "fused"]))
def test_both_ways_of_attention_give_the_same_outputs_and_gradients(norm: str, kind: str) -> None:
    torch.manual_seed(0)
    model = ViT((1, 28, 28), 10, norm=norm).double()
    x, y = torch.rand(6, 1, 28, 28).double(), torch.arange(6)

    def run(way: str) -> tuple[Tensor, list[Tensor]]:
        model.use(way)
        output = model(x)
        return output, list(torch.autograd.grad(F.cross_entropy(output, y), list(model.parameters())))

    (ours, our_gradients), (theirs, their_gradients) = run("by-hand"), run(kind)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_gradients, their_gradients)


def test_the_whole_network_is_that_of_timm() -> None:
    torch.manual_seed(0)
    ours = ViT((3, 32, 32), 7, embed_dim=24, patch_size=8, depth=3, num_heads=3, norm="pre", position="learned")
    theirs = timm_vit.VisionTransformer(
        img_size=32, patch_size=8, num_classes=7, embed_dim=24, depth=3, num_heads=3, norm_layer=nn.LayerNorm
    )
    names = {
        "patch_embed.proj": "patch_embedding",
        "cls_token": "class_token",
        "pos_embed": "position",
        "attn": "attention",
        "attn.proj": "attn.projection",
    }
    copied(ours, theirs, names)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("norm", "kind", "heads"),
    [("pre", "by-hand", 3), ("pre", "fused", 1), ("post", "by-hand", 1), ("post", "fused", 3)],
)
def test_what_nobody_reads_need_not_be_computed(norm: str, kind: str, heads: int) -> None:
    torch.manual_seed(0)
    model = ViT((1, 12, 12), 5, embed_dim=12, patch_size=3, depth=3, num_heads=heads, norm=norm, attention=kind)
    model.double()
    x, y = torch.rand(4, 1, 12, 12).double(), torch.arange(4)
    computed: list[tuple[int, ...]] = []
    for block in model.blocks:
        block.mlp.register_forward_hook(lambda _module, _inputs, output: computed.append(tuple(output.shape)))

    def outputs_and_gradients(output: Tensor) -> tuple[Tensor, ...]:
        return output, *torch.autograd.grad(F.cross_entropy(output, y), list(model.parameters()))

    lean = outputs_and_gradients(model(x))
    assert computed == [(4, 17, 12), (4, 17, 12), (4, 1, 12)]
    whole = model.embed(x)
    for block in model.blocks:
        whole = block(whole)
    torch.testing.assert_close(lean, outputs_and_gradients(model.output(model.classify(whole))))
    part = model.blocks[0](model.embed(x), asking=5)
    torch.testing.assert_close(part, model.blocks[0](model.embed(x))[:, :5])


@given(st.integers(0, 2**16), st.sampled_from([(1, 8, 8, 2), (3, 12, 8, 4), (2, 6, 6, 6)]))
def test_the_embedding_of_patches_is_a_convolution_that_steps_by_its_size(
    seed: int, shape: tuple[int, int, int, int]
) -> None:
    channels, height, width, size = shape
    torch.manual_seed(seed)
    model = ViT((channels, height, width), 3, embed_dim=8, patch_size=size, position="none", class_token="mean-pool")
    x = torch.rand(2, channels, height, width).to(memory_format=torch.channels_last)
    expected = F.conv2d(x, model.patch_filters, model.patch_embedding.bias, stride=size).flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.embed(x), expected)
    assert torch.equal(patches_of(x, size)[1, 0].view(channels, size, size), x[1, :, :size, :size])


@given(st.integers(1, 60), st.integers(1, 33))
def test_positions_are_waves(positions: int, embed_dim: int) -> None:
    embedding = sinusoidal_embedding(positions, embed_dim)
    assert embedding.shape == (positions, embed_dim)
    for i, j in product((0, positions // 2, positions - 1), range(embed_dim)):
        angle = i / 10000 ** ((j - j % 2) / embed_dim)
        assert embedding[i, j].item() == pytest.approx(math.cos(angle) if j % 2 else math.sin(angle), abs=1e-6)


def test_a_shift_of_positions_is_the_same_rotation_everywhere() -> None:
    embedding = sinusoidal_embedding(50, 16).double()
    here, there = embedding[:-3], embedding[3:]
    rotation = torch.linalg.lstsq(here, there).solution
    torch.testing.assert_close(here @ rotation, there, atol=1e-6, rtol=0)


def test_without_positions_the_order_of_the_patches_does_not_matter() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 1, 28, 28)
    patches = x.unfold(2, 7, 7).unfold(3, 7, 7)  # (2, 1, 4, 4, 7, 7)
    order = torch.randperm(16)
    shuffled = patches.flatten(2, 3)[:, :, order].view_as(patches).permute(0, 1, 2, 4, 3, 5).reshape(x.shape)
    for position, is_blind in (("none", True), ("sinusoidal", False), ("learned", False)):
        model = ViT((1, 28, 28), 10, position=position).eval()
        assert torch.allclose(model(x), model(shuffled), atol=1e-5) is is_blind, position


@given(
    size=SIZES,
    patch=st.sampled_from([(8, 2), (8, 8), (12, 3)]),
    depth=st.integers(1, 3),
    classes=st.integers(2, 5),
    channels=st.sampled_from([1, 3]),
    class_token=st.sampled_from(["learned", "frozen", "mean-pool"]),
    position=st.sampled_from(["sinusoidal", "learned", "none"]),
    softmax_output=st.booleans(),
    drop=st.sampled_from([0.0, 0.3]),
)
def test_every_option_trains(
    size: tuple[int, int],
    patch: tuple[int, int],
    depth: int,
    classes: int,
    channels: int,
    class_token: str,
    position: str,
    softmax_output: bool,
    drop: float,
) -> None:
    model = ViT(
        (channels, patch[0], patch[0]),
        classes,
        embed_dim=size[0],
        num_heads=size[1],
        patch_size=patch[1],
        depth=depth,
        class_token=class_token,
        position=position,
        softmax_output=softmax_output,
        dropout=drop,
        drop_path=drop,
    )
    output = model(torch.rand(4, channels, patch[0], patch[0]))
    assert output.shape == (4, classes)
    if softmax_output:
        torch.testing.assert_close(output.sum(1), torch.ones(4))
    F.cross_entropy(output, torch.zeros(4, dtype=torch.long)).backward()
    names = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert names == {name for name, _ in model.named_parameters()}
    assert ("class_token" in names) == (class_token == "learned")
    assert ("class_token" in model.state_dict()) == (class_token != "mean-pool")
    assert ("position" in model.state_dict()) == (position == "learned")


def test_the_default_has_the_parameters_that_its_docstring_says() -> None:
    model = ViT((1, 28, 28), 10)
    assert sum(p.numel() for p in model.parameters()) == 27_434
    assert [sum(p.numel() for p in block.parameters()) for block in model.blocks] == [12_704] * 2


def test_as_published_the_width_of_the_mlp_is_that_of_the_heads() -> None:
    for heads in (2, 16):
        model = ViT((1, 28, 28), 10, num_heads=heads, mlp_ratio=4, mlp_width_follows_heads=True)
        assert [block.mlp.fc1.out_features for block in model.blocks] == [32 * heads] * 2


def test_as_published_the_loss_has_a_floor() -> None:
    best = F.one_hot(torch.tensor([3]), 10).float()  # the most certain that a softmax can be
    assert F.cross_entropy(best, torch.tensor([3])).item() == pytest.approx(1.4612, abs=1e-4)


def test_drop_path_grows_with_depth_and_is_off_when_evaluated() -> None:
    model = ViT((1, 28, 28), 10, depth=3, drop_path=0.4)
    rates = [getattr(block.drop_path, "p", 0.0) for block in model.blocks]
    assert rates == pytest.approx([0.0, 0.2, 0.4])
    x = torch.rand(2, 1, 28, 28)
    assert not torch.equal(model.train()(x.repeat(20, 1, 1, 1)), model.eval()(x.repeat(20, 1, 1, 1)))
    assert torch.equal(model(x), model(x))


@given(st.floats(0.05, 0.95), st.integers(0, 2**16))
def test_drop_path_drops_whole_samples_and_keeps_the_mean(p: float, seed: int) -> None:
    x = tokens(4, batch=2000)
    torch.manual_seed(seed)
    kept = DropPath(p)(x)
    is_kept = kept.ne(0).all(dim=(1, 2))
    torch.testing.assert_close(kept[is_kept], x[is_kept] / (1 - p))
    assert not kept[~is_kept].any()
    assert abs(is_kept.float().mean() - (1 - p)) < 0.08  # seven standard deviations
    assert DropPath(p).eval()(x) is x


@pytest.mark.parametrize(
    ("options", "message"),
    [({"patch_size": 5}, "do not tile"), ({"embed_dim": 30, "num_heads": 4}, "do not divide")],
)
def test_what_does_not_divide_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViT((1, 28, 28), 10, **options)
