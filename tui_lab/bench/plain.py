"""The loop that one writes first: a map-style data set, torchvision's transforms on each sample, a DataLoader.

float32, contiguous, torch's optimiser with its defaults, no tuning of threads or allocator beyond what the request
asks for, and no `loss.item()`, which would make it slower on a GPU. The model is the one that the engine trains, or
its rival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from tui_lab.bench.tensors import channel_statistics
from tui_lab.data.dataset import Dataset, Split
from tui_lab.hyperparameters import GradientHyperparameters

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class Images(TorchDataset[tuple[Tensor, int]]):
    """What torchvision.datasets.CIFAR10 and MNIST are: pixels in memory, a PIL image and its transforms a sample."""

    def __init__(self, split: Split, transform: Callable[[Image.Image], Tensor]) -> None:
        pixels = split.x.permute(0, 2, 3, 1)  # (N, H, W, C)
        self.data = pixels.squeeze(3).contiguous().numpy()  # a grey image has no channels in PIL
        self.targets = split.y.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[i])), self.targets[i]


class PlainLoop:
    """Trains on `dataset`, epoch after epoch, with `workers` DataLoader workers."""

    def __init__(
        self, hyperparameters: GradientHyperparameters, dataset: Dataset, model: nn.Module, *, device: str, workers: int
    ) -> None:
        hp = hyperparameters
        self.device = torch.device(device)
        self.loader = DataLoader(
            Images(dataset.train, transform_of(hp, dataset.train)),
            batch_size=hp.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        self.model = model.to(self.device)
        self.optimizer = OPTIMIZERS[hp.optimizer](self.model.parameters(), lr=hp.lr)
        self.batches = self._endless()

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from self.loader

    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        samples = 0
        for x, y in islice(self.batches, steps):
            x, y = x.to(self.device), y.to(self.device)
            loss = F.cross_entropy(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            samples += len(y)
        return samples


def transform_of(hyperparameters: GradientHyperparameters, train: Split) -> Callable[[Image.Image], Tensor]:
    """torchvision's transforms for the crop, the flip and the channel standardisation of `hyperparameters`."""
    mean, std = channel_statistics(train.x)
    steps: list[Callable[..., object]] = []
    if hyperparameters.crop:
        steps.append(transforms.RandomCrop(hyperparameters.crop))
    if hyperparameters.flip:
        steps.append(transforms.RandomHorizontalFlip())
    steps += [transforms.ToTensor(), transforms.Normalize(mean.tolist(), std.tolist())]
    composed: Callable[[Image.Image], Tensor] = transforms.Compose(steps)
    return composed
