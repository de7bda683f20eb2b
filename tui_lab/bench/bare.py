"""The least that trains the same way: what the engine would be without being an engine.

The same tensors, model, optimiser, precision and memory layout; index select, gather, float, forward, backward, step.
No meters, no schedule, no events, nothing that could be resumed or controlled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.bench.tensors import channel_statistics
from tui_lab.data.batches import is_kept_as_floats
from tui_lab.data.dataset import Dataset
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.training.optimizers import build_optimizer
from tui_lab.training.plan import Plan


class BareLoop:
    """Trains on `dataset`, epoch after epoch, in the way of `plan`."""

    def __init__(
        self, hyperparameters: GradientHyperparameters, dataset: Dataset, model: nn.Module, plan: Plan
    ) -> None:
        hp = hyperparameters
        self.plan = plan
        self.model = plan.place(model)
        self.optimizer = build_optimizer(hp, self.model.parameters(), torch.device(plan.device))
        self.batch_size, self.crop = hp.batch_size, hp.crop
        self.layout = torch.channels_last if plan.channels_last else torch.contiguous_format
        self.x, self.y = dataset.train.x.to(plan.device), dataset.train.y.to(plan.device)
        self.mean, self.std = (values.view(-1, 1, 1).to(plan.device) for values in channel_statistics(self.x))
        is_augmented = bool(hp.crop)
        if not is_augmented and is_kept_as_floats(len(self.x), tuple(self.x.shape[1:])):
            self.x = self._standardized(self.x)
        self.batches = self._augmented() if is_augmented else self._stored()

    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        samples = 0
        for x, y in islice(self.batches, steps):
            with self.plan.autocast():
                output = self.model(x)
            F.cross_entropy(output.float(), y).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.optimizer.zero_grad()
            samples += len(y)
        return samples

    def _shuffled(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The indices and the labels of each batch of one epoch."""
        order = torch.randperm(len(self.x)).to(self.x.device)
        return zip(order.split(self.batch_size), self.y[order].split(self.batch_size), strict=True)  # type: ignore[no-untyped-call]

    def _stored(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for chosen, y in self._shuffled():
                yield self.x.index_select(0, chosen), y

    def _augmented(self) -> Iterator[tuple[Tensor, Tensor]]:
        """A random crop, mirrored with probability 0.5, in one gather from the flattened image."""
        n, channels, height, width = self.x.shape
        side = torch.arange(self.crop, device=self.x.device)
        while True:
            top = torch.randint(height - self.crop + 1, (n, 1), device=self.x.device)
            left = torch.randint(width - self.crop + 1, (n, 1), device=self.x.device)
            is_flipped = torch.rand(n, 1, device=self.x.device) < 0.5
            rows = (top + side) * width  # (n, crop)
            columns = left + torch.where(is_flipped, side.flip(0), side)  # (n, crop)
            for chosen, y in self._shuffled():
                pixels = rows[chosen][:, :, None] + columns[chosen][:, None, :]  # (B, crop, crop)
                pixels = pixels.view(len(chosen), 1, -1).expand(-1, channels, -1)
                x = self.x.index_select(0, chosen).flatten(2).gather(2, pixels)
                x = self._standardized(x.view(len(chosen), channels, self.crop, self.crop))
                yield x.contiguous(memory_format=self.layout), y

    def _standardized(self, x: Tensor) -> Tensor:
        return x.float().div_(255).sub_(self.mean).div_(self.std)
