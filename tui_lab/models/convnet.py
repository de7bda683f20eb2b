"""The practical's convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

CHANNELS = (32, 64, 64)
FC4_UNITS = 1000


class ConvNet(nn.Module):
    """Three 5×5 convolutions, each with ReLU and 2×2 max pooling, then two dense layers.

    With 3×32×32 images and 10 classes, shapes without the batch dimension:

        conv1 32×32×32 → pool1 32×16×16 → conv2 64×16×16 → pool2 64×8×8 → conv3 64×8×8 → pool3 64×4×4
        → flatten 1024 → fc4 1000 → fc5 10

    The third pool rounds up (ceil_mode), so that 28×28 crops (28 → 14 → 7 → 4) keep the 1024 inputs of fc4.
    1,191,170 parameters, 86 % of them in fc4.

    Args:
        input_shape: (channels, height, width).
        classes: outputs.
        dropout: probability of dropping a unit after fc4's ReLU (Srivastava et al., 2014). 1 drops all.
        batch_norm: BatchNorm2d after each convolution, before ReLU (Ioffe & Szegedy, 2015).
        softmax_output: end with a softmax, on which the cross-entropy then applies a second one.

    Input (B, C, H, W), output (B, classes). PyTorch's default initialisation.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        dropout: float = 0.0,
        batch_norm: bool = False,
        softmax_output: bool = False,
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        blocks: list[nn.Module] = []
        for i, filters in enumerate(CHANNELS):
            is_last = i == len(CHANNELS) - 1
            blocks.append(nn.Conv2d(channels, filters, kernel_size=5, padding=2))
            if batch_norm:
                blocks.append(nn.BatchNorm2d(filters))
            blocks += [nn.ReLU(inplace=True), nn.MaxPool2d(2, stride=2, ceil_mode=is_last)]
            channels = filters
            height, width = (math.ceil(height / 2), math.ceil(width / 2)) if is_last else (height // 2, width // 2)
        self.features = nn.Sequential(*blocks)
        self.fc4 = nn.Linear(channels * height * width, FC4_UNITS)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc5 = nn.Linear(FC4_UNITS, classes)
        self.output = nn.Softmax(dim=1) if softmax_output else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (or probabilities) of shape (B, classes)."""
        h = self.features(x).flatten(1)  # (B, 1024) for 32×32 images
        h = self.dropout(self.fc4(h).relu())  # (B, 1000)
        y: Tensor = self.output(self.fc5(h))  # (B, classes)
        return y
