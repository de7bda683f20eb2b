"""Feature maps are what the convolutions give for the images that `samples` shows, whatever the network is."""

import json

import pytest
import torch
from torch import nn

from tests.inspections.runs import EVERYTHING_RANDOM, SMALL_IMAGES, opened
from tui_lab.inspections import maps as module
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.maps import feature_maps

POSITION = (1.0, 5)


def look(it):
    test = it.session.evaluations["test"]
    return feature_maps(it.session.engine, it.dataset, test, POSITION, are_probabilities=False)


@pytest.mark.parametrize("values", [{}, {"batch_norm": True}, EVERYTHING_RANDOM], ids=["plain", "norm", "random"])
def test_maps_are_the_outputs_after_relu_of_the_shown_samples(values, tmp_path):
    with opened(tmp_path, "convnet", **{**SMALL_IMAGES, **values}) as it:
        found = look(it)
        engine, test = it.session.engine, it.session.evaluations["test"]
        x, _ = test.first(60)
        indices = [one.sample.index for one in found.samples]
        model = engine.model.eval()
        expected, h = [], x[indices]
        for layer in model.features:
            h = layer(h)
            if isinstance(layer, nn.ReLU):
                expected.append(h.detach().clone())
        outputs = model(x[indices]).detach()
        it.inspector.inspect(engine, None, may_evaluate=True)
        assert indices == [sample.index for sample in read_inspection(it.run, "samples").chosen]
    assert [one.sample.predicted for one in found.samples] == outputs.argmax(1).tolist()
    for place, one in enumerate(found.samples):
        assert [layer.name for layer in one.layers] == ["conv1", "conv2", "conv3"]
        for layer, values_of in zip(one.layers, expected, strict=True):
            values_here = values_of[place]
            assert (layer.channels, layer.height, layer.width) == tuple(values_here.shape)
            assert (layer.activation, layer.low, len(layer.maps)) == ("relu", 0.0, 16)
            assert layer.high == pytest.approx(float(values_here.max()), rel=1e-3)
            assert layer.silent == sum(not channel.any() for channel in values_here)
            means = values_here.mean((1, 2))
            assert [kept.mean for kept in layer.maps] == pytest.approx(
                means.sort(descending=True).values[:16].tolist(), rel=1e-3, abs=1e-6
            )
            for kept in layer.maps[:3]:
                levels = torch.tensor(list(kept.levels)).reshape(layer.height, layer.width)
                assert torch.allclose(levels / 255 * layer.high, values_here[kept.channel - 1], atol=layer.high / 400)


def test_the_model_is_as_it_was(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES, batch_norm=True, dropout=0.5) as it:
        model = it.session.engine.model
        for was_training in (True, False):
            model.train(was_training)
            before = {name: value.clone() for name, value in model.state_dict().items()}
            look(it)
            assert model.training is was_training
            assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert not any(part._forward_hooks for part in model.modules())


class Odd(nn.Module):
    """Convolutions of which one is left out and one has no activation; the body is not called `features`."""

    def __init__(self, deep=0):
        super().__init__()
        self.unused = nn.Conv2d(1, 2, 3)
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.GELU(), *[nn.Conv2d(4, 4, 1) for _ in range(deep)], nn.Conv2d(4, 3, 3)
        )
        self.head = nn.Linear(3, 10)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


@pytest.mark.parametrize("deep", [0, 20])
def test_any_network_with_convolutions_has_maps(deep, tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.session.engine.model = Odd(deep)
        found = look(it)
    layers = found.samples[0].layers
    assert len(layers) <= 6 and layers[-1].module.startswith("body.") and layers[-1].activation == ""
    if not deep:
        assert [(one.module, one.activation) for one in layers] == [("body.0", "gelu"), ("body.2", "")]
    assert all(one.low <= 0 <= one.high and one.low < one.high for one in layers)


def test_a_network_without_convolutions_has_none(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_IMAGES) as it:
        assert look(it) is None


def test_large_maps_are_reduced_and_the_file_stays_small(tmp_path):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Conv2d(1, 1, 3, padding=1) for _ in range(10))

        def forward(self, x):
            x = nn.functional.interpolate(x, size=(64, 48))
            for layer in self.layers:
                x = layer(x)
            return x.mean((2, 3)).expand(-1, 10)

    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.session.engine.model = Wide()
        found = look(it)
    assert {(one.height, one.width) for one in found.samples[0].layers} == {(32, 24)}
    assert len(json.dumps(found.to_json())) < 500_000


def test_values_that_overflow_are_no_reason_to_fail(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        with torch.no_grad():
            it.session.engine.model.features[0].weight.fill_(float("inf"))
        assert len(look(it).samples) == module.in_turns.__globals__["SHOWN"]
