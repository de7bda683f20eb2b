"""The network on a larger image: the same weights, at every place."""

from __future__ import annotations

import pytest
import torch

from tui_lab.models.convnet import ConvNet
from tui_lab.models.fully_convolutional import score_map


@pytest.mark.parametrize(("side", "softmax"), [(32, False), (28, True)])
def test_at_its_own_size_it_is_the_network_itself(side: int, softmax: bool) -> None:
    torch.manual_seed(0)
    model = ConvNet((3, side, side), 10, dropout=0.5, batch_norm=True, softmax_output=softmax).eval()
    x = torch.randn(2, 3, side, side)
    found = score_map(model, x)
    assert found.shape == (2, 10, 1, 1)
    torch.testing.assert_close(found[:, :, 0, 0], model(x))


def test_at_every_place_of_a_larger_image_the_dense_layers_see_the_features_there() -> None:
    torch.manual_seed(0)
    model = ConvNet((1, 16, 16), 5).eval()
    x = torch.randn(1, 1, 24, 40)
    features = model.features(x)  # 64 × 3 × 5, of which 2 × 2 are seen at a time
    found = score_map(model, x)
    assert found.shape == (1, 5, 2, 4)
    for row in range(2):
        for column in range(4):
            part = features[:, :, row : row + 2, column : column + 2]
            expected = model.fc5(model.fc4(part.flatten(1)).relu())
            torch.testing.assert_close(found[:, :, row, column], expected)
