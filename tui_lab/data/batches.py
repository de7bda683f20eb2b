"""Batches: from a split in memory to what the model sees, on the device.

A batch is a pure function of (seed, epoch, step): the permutation and the augmentation of an epoch are drawn at once,
from generators seeded by the epoch's number, so a run that resumes in the middle of an epoch draws the epoch again and
goes on at any step. Nothing waits for the device in between.
"""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_lab.data.augment import Augmentation, Draws
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import Standardizer, to_float
from tui_lab.seeding import stream_seed

EVALUATION_BATCH_SIZE = 500

KEPT_BYTES = 256 * 2**20
KEPT_SAMPLE_VALUES = 1024


def is_kept_as_floats(samples: int, sample_shape: tuple[int, ...]) -> bool:
    """Whether a split is standardised once and kept as float32, where nothing random happens to it.

    That pays for small samples, on which small networks learn: scaling a batch would cost as much as training on it.
    MNIST qualifies, with 784 values a sample and 188 MB in all. CIFAR-10 does not, with 3,072 values and 614 MB: it is
    kept once, as uint8, and scaled batch by batch.
    """
    values = math.prod(sample_shape)
    return values <= KEPT_SAMPLE_VALUES and 4 * values * samples <= KEPT_BYTES


@dataclass(frozen=True)
class EpochDraw:
    """Everything random about one epoch, on the device.

    Attributes:
        samples: the indices of the samples of each batch, int64 (B,); None = as they are stored.
        labels: the labels of each batch, int64 (B,).
        draws: the augmentation of each sample, in the epoch's order.
    """

    samples: tuple[Tensor, ...] | None
    labels: tuple[Tensor, ...]
    draws: Draws


class Batches:
    """The batches of a split, for training or for evaluation.

    Args:
        split: the samples. On `device` already, they are used where they lie; else copied there once.
        augmentation: what changes; None = nothing.
        standardizer: fitted on the training split.
        is_training: True = a new permutation and the training transforms at every epoch; False = the stored order and
            the test transforms, the same at every epoch (a test rotation is drawn once for each sample).
        batch_size: samples a batch; the last one may be smaller. None = as in an evaluation.
        evaluation_batch_size: the same where it changes nothing but time and memory, also of every `part`.
        seed: of the run.
        device: where the batches are made and lie.
        channels_last: memory layout of images.

    Attributes:
        samples: how many there are in the split.
        sample_shape: of what the model sees, (C, h, w) or (2,).
        standardizer: as given, on the device.

    Raises:
        UsageError: an augmentation that does not suit the samples.
    """

    def __init__(
        self,
        split: Split,
        augmentation: Augmentation | None,
        standardizer: Standardizer,
        *,
        is_training: bool,
        batch_size: int | None = None,
        evaluation_batch_size: int = EVALUATION_BATCH_SIZE,
        seed: int,
        device: torch.device | str,
        channels_last: bool = False,
    ) -> None:
        self.samples = len(split)
        self.batch_size = batch_size or evaluation_batch_size
        self._evaluation_batch_size = evaluation_batch_size
        self._augmentation = augmentation or Augmentation()
        self._stored_shape = tuple(split.x.shape[1:])
        self.sample_shape = self._augmentation.output_shape(self._stored_shape)
        self.standardizer = standardizer.to(device)
        self._seed = seed
        self._device = torch.device(device)
        self._layout = torch.channels_last if channels_last and len(self.sample_shape) == 3 else torch.contiguous_format
        self._x, self._y = split.x.to(device), split.y.to(device)
        self._is_ready = False
        self._fixed = None if is_training else self._evaluation_draw()
        is_random = is_training and self._augmentation.is_random
        if not is_random and is_kept_as_floats(self.samples, self.sample_shape):
            self._x = self._prepare_all()
            self._is_ready = True

    def __len__(self) -> int:
        """Batches an epoch."""
        return math.ceil(self.samples / self.batch_size)

    def draw(self, epoch: int) -> EpochDraw:
        """Draw an epoch, numbered from 0; every batch of it can then be made, in any order."""
        if self._fixed is not None:
            return self._fixed
        generator = torch.Generator().manual_seed(stream_seed(self._seed, "permutation", epoch))
        order = torch.randperm(self.samples, generator=generator).to(self._device)
        generator.manual_seed(stream_seed(self._seed, "augmentation", epoch))
        draws = self._augmentation.draw(self.samples, self._stored_shape, generator).to(self._device)
        return EpochDraw(self._cut(order), self._cut(self._y[order]), draws)

    def batch(self, draw: EpochDraw, i: int) -> tuple[Tensor, Tensor]:
        """Batch i of an epoch, from 0 on.

        Returns:
            x float32 (B, C, h, w) or (B, 2), standardised, and y int64 (B,). Neither is to be written to: they may be
            the stored data.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"There is no batch {i} among {len(self)}.")
        start = i * self.batch_size
        stop = start + self.batch_size
        x = self._x[start:stop] if draw.samples is None else self._x.index_select(0, draw.samples[i])
        x = x.contiguous(memory_format=self._layout) if self._is_ready else self._prepare(x, draw.draws[start:stop])
        return x, draw.labels[i]

    def first(self, most: int) -> tuple[Tensor, Tensor]:
        """At most so many of the first samples in their stored order, as `batch` gives them.

        Nothing random happens to them: those of training are not augmented, only cropped at their centre.
        """
        part = slice(0, most)
        return self.samples_as_seen(part), self._y[part]

    @property
    def is_random(self) -> bool:
        """Whether the samples change from epoch to epoch."""
        return self._fixed is None and self._augmentation.is_random

    @property
    def labels(self) -> Tensor:
        """Of all samples in their stored order, int64 (N,), on the device."""
        return self._y

    def samples_as_seen(self, part: slice) -> Tensor:
        """Some samples in their stored order as the model gets them, float32 (B, C, h, w): where nothing is random."""
        if self._is_ready:
            return self._x[part].contiguous(memory_format=self._layout)
        draws = self._fixed.draws if self._fixed is not None else Draws()
        return self._prepare(self._x[part], draws[part])

    def fingerprint(self, part: slice) -> bytes:
        """A digest of what `samples_as_seen` gives of the same part, made without making it where pixels are stored."""
        digest = hashlib.blake2b(digest_size=16)
        stored = self._x[part].cpu().contiguous()
        digest.update(f"{stored.dtype} {tuple(stored.shape)} {self._augmentation}".encode())
        if self._fixed is not None and self._augmentation.test_rotation:  # each sample by an angle of its own
            digest.update(f"{self._seed} {part}".encode())
        digest.update(stored.numpy().data)
        one = self.samples_as_seen(slice(part.start, part.start + 1))  # scaled by what was fitted on other samples
        digest.update(one.cpu().contiguous().numpy().data)
        return digest.digest()

    def part(self, indices: Tensor) -> Batches:
        """Some of the samples, int64 (n,), as batches for evaluation; nothing random happens to them, as in `first`."""
        part = copy.copy(self)
        indices = indices.to(self._device)
        part.samples, part.batch_size = len(indices), self._evaluation_batch_size
        part._x, part._y = self._x[indices], self._y[indices]
        draws = self._fixed.draws[indices] if self._fixed is not None else Draws()
        part._fixed = EpochDraw(None, part._cut(part._y), draws)
        return part

    def _evaluation_draw(self) -> EpochDraw:
        generator = torch.Generator().manual_seed(stream_seed(self._seed, "test augmentation"))
        draws = self._augmentation.draw_test(self.samples, generator).to(self._device)
        return EpochDraw(None, self._cut(self._y), draws)

    def _cut(self, values: Tensor) -> tuple[Tensor, ...]:
        """Views of each batch's part: made once an epoch, because a slice costs more than a look-up."""
        return tuple(values.split(self.batch_size))  # type: ignore[no-untyped-call]

    def _prepare_all(self) -> Tensor:
        draws = self._fixed.draws if self._fixed is not None else Draws()
        ready = torch.empty(self.samples, *self.sample_shape, device=self._device)
        for start in range(0, self.samples, EVALUATION_BATCH_SIZE):
            part = slice(start, start + EVALUATION_BATCH_SIZE)
            ready[part] = self._prepare(self._x[part], draws[part])
        return ready

    def _prepare(self, x: Tensor, draws: Draws) -> Tensor:
        """From samples as stored to what the model sees."""
        if self.standardizer.needs_whole_sample:
            x = self.standardizer(to_float(x))
            x = self._augmentation.crop_and_flip(x, draws)
            x = self._augmentation.rotate_and_erase(x, draws)
        else:
            x = to_float(self._augmentation.crop_and_flip(x, draws))
            x = self._augmentation.rotate_and_erase(x, draws)
            x = self.standardizer(x)
        # last, because arithmetic with one number a channel is several times slower on channels_last
        return x.contiguous(memory_format=self._layout)
