"""The practical's network with its dense layers as convolutions: scores for every place of a larger image."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from tui_lab.models.convnet import CHANNELS, ConvNet


def score_map(model: ConvNet, x: Tensor) -> Tensor:
    """What `model` gives at every place of images that may be larger than it was made for.

    fc4 becomes a convolution whose window is as large as what came in when it was made, fc5 one with a window of 1×1
    (Sermanet et al., OverFeat, 2014). The weights are the same ones.

    Args:
        model: made for square images.
        x: float32 (B, C, H, W), as the model gets it, at least as large as it was made for.

    Returns:
        Logits (or probabilities) of shape (B, classes, h, w); h = w = 1 for images of the size it was made for.
    """
    side = round((model.fc4.in_features / CHANNELS[-1]) ** 0.5)  # of what the last pool gives
    h = model.features(x)
    h = F.conv2d(h, model.fc4.weight.view(-1, CHANNELS[-1], side, side), model.fc4.bias)
    h = model.dropout(h.relu())
    y: Tensor = model.output(F.conv2d(h, model.fc5.weight[:, :, None, None], model.fc5.bias))
    return y
