"""The layers of a vision transformer while it trains: one row a block, with the numbers of autograd."""

import pytest
import torch
from torch.nn import functional as F

from tests.inspections.runs import opened
from tui_lab.inspections.activity import activity

SMALL = {"dataset": "digits", "train_size": 60, "test_size": 30, "batch_size": 20, "epochs": 1, "patch_size": 4}
OPTIONS = [
    {},
    {"position": "learned", "class_token": "frozen", "norm": "pre"},
    {"class_token": "mean-pool", "num_heads": 1, "drop_path": 0.5, "dropout": 0.5, "softmax_output": True},
]


def norm(tensors):
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


@pytest.mark.parametrize("values", OPTIONS)
def test_a_block_is_one_layer(values, tmp_path):
    with opened(tmp_path, "vit", **{**SMALL, "depth": 3, "embed_dim": 8, "optimizer": "sgd", **values}) as it:
        engine = it.session.engine
        it.session.run()
        state = torch.get_rng_state()
        before = engine.weights()
        found = activity(engine, (1.0, 3), None)
        assert torch.equal(torch.get_rng_state(), state)  # dropout and dropped paths draw nothing here
        assert all(torch.equal(tensor, before[name]) for name, tensor in engine.weights().items())
        model = engine.model.eval()
        x, y = engine.train.first(60)
        F.cross_entropy(model(x), y).backward()
        gradients = {name: tensor.grad for name, tensor in model.named_parameters() if tensor.dim() > 1}
        with torch.no_grad():
            tokens = model.embed(x)
            sizes = [float(tokens.abs().mean())]
            for block in model.blocks:
                tokens = block(tokens)
                sizes.append(float(tokens.abs().mean()))
    assert [(layer.name, layer.units) for layer in found.layers] == [
        ("tokens", 8),
        ("block 1", 8),
        ("block 2", 8),
        ("block 3", 8),
        ("head", 10),
    ]
    assert [layer.size[0] for layer in found.layers[:-1]] == pytest.approx(sizes, rel=1e-3)
    of_blocks = [[g for name, g in gradients.items() if name.startswith(f"blocks.{i}.")] for i in range(3)]
    others = [g for name, g in gradients.items() if not name.startswith(("blocks.", "head."))]
    expected = [norm(others), *map(norm, of_blocks), norm([gradients["head.weight"]])]
    assert [layer.gradient[0] for layer in found.layers] == pytest.approx(expected, rel=1e-3)
    assert all(0 < layer.update[0] < 1 for layer in found.layers)
