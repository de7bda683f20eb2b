"""What a frozen body makes of the samples, computed once and kept on disk.

It is kept in parts of some hundred samples, each a file named by everything that decides what is in it: the body with
its weights, how it is computed, and the samples. So a computation that was stopped goes on where it was, and whoever
changes any of these gets other files. Nothing in a file vouches for the labels: those are the data set's.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Split
from tui_lab.models.frozen import HasFrozenBody
from tui_lab.runs.files import replacing
from tui_lab.runs.sentences import duration
from tui_lab.training.plan import Plan

PART = 512  # samples in a file: at most about a minute of work is lost
FOLDER = "features"

Tell = Callable[[str], None]  # gets a sentence on how far it is, at least every few seconds; may raise to end it
Say = Callable[[str], None]  # gets a sentence for the log


def keeps_features(model: object, train: Batches) -> bool:
    """Whether the model has a frozen body, and nothing random happens to the samples that it is trained on."""
    return isinstance(model, HasFrozenBody) and model.body_key is not None and not train.is_random


class FeatureStore:
    """Computes and keeps the features of one body.

    Args:
        model: with a `body_key`; on the plan's device.
        plan: how it is computed. Part of the name of a file, for other threads or another precision give other bits.
        cache: the folder of what can be computed again.
        tell: told of progress before each batch.
        say: told when computing begins, and then what was computed and what was there already.
    """

    def __init__(self, model: HasFrozenBody, plan: Plan, cache: Path, tell: Tell, say: Say) -> None:
        self._model, self._plan, self._folder = model, plan, cache / FOLDER
        self._tell, self._say = tell, say
        self._unkept = ""  # why some could not be kept
        self._key = f"{model.body_key} torch {torch.__version__} {plan}"

    def splits(self, batches: Mapping[str, Batches]) -> dict[str, Split]:
        """The features of each split in its stored order, float32 (N, F), with its labels, on the plan's device.

        The same batches under two names are computed once.
        """
        distinct = {id(of_split): of_split for of_split in batches.values()}
        progress = _Progress(sum(of_split.samples for of_split in distinct.values()), self._tell, self._say)
        start = time.perf_counter()
        computed = {key: self._features(of_split, progress) for key, of_split in distinct.items()}
        found = progress.total - progress.computed
        if progress.computed:
            seconds = duration(time.perf_counter() - start)
            kept = f"; those of {found:,} more were kept" if found else "" if self._unkept else ", and kept"
            self._say(f"Features of {progress.computed:,} images computed in {seconds}{kept}.")
            if self._unkept:
                self._say(f"Not all of them could be kept in {self._folder}: {self._unkept}.")
        else:
            self._say(f"Features of {found:,} images were kept from an earlier run.")
        return {name: Split(computed[id(of_split)], of_split.labels) for name, of_split in batches.items()}

    def _features(self, batches: Batches, progress: _Progress) -> Tensor:
        parts = [
            self._part(batches, slice(start, min(start + PART, batches.samples)), progress)
            for start in range(0, batches.samples, PART)
        ]
        return torch.cat(parts).to(self._plan.device)

    def _part(self, batches: Batches, part: slice, progress: _Progress) -> Tensor:
        """The features of some of the samples, on the CPU."""
        key = hashlib.blake2b(self._key.encode(), digest_size=16)
        key.update(batches.fingerprint(part))
        path = self._folder / f"{key.hexdigest()}.safetensors"
        count = part.stop - part.start
        with contextlib.suppress(OSError, SafetensorError, KeyError, RuntimeError):
            kept = safetensors.torch.load(path.read_bytes())
            if torch.equal(kept["digest"], _digest(kept["features"])) and len(kept["features"]) == count:
                progress.skip(count)
                return kept["features"]
        features = self._compute(batches, part, progress)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(safetensors.torch.save({"features": features, "digest": _digest(features)}))
        except OSError as error:  # a full disk costs the next run the time again, not this run its life
            self._unkept = error.strerror or str(error)
        return features

    @torch.no_grad()
    def _compute(self, batches: Batches, part: slice, progress: _Progress) -> Tensor:
        size = 16 if self._plan.device == "cpu" else 128  # a stop is heard between two of them
        found = []
        for start in range(part.start, part.stop, size):
            progress.tell()
            stop = min(start + size, part.stop)
            with self._plan.autocast():
                found.append(self._model.features(batches.samples_as_seen(slice(start, stop))).cpu())
            progress.advance(stop - start)
        return torch.cat(found)


class _Progress:
    """Images done of all, and the time that the rest may take."""

    def __init__(self, total: int, tell: Tell, say: Say) -> None:
        self.total = total
        self.computed = 0
        self._skipped = 0
        self._tell, self._say = tell, say
        self._since = time.perf_counter()

    def skip(self, count: int) -> None:
        self._skipped += count

    def advance(self, count: int) -> None:
        self.computed += count

    def tell(self) -> None:
        done = self.computed + self._skipped
        if not self.computed:
            self._say(f"Computing the features of {self.total - done:,} images, once for all epochs.")
        left = ""
        if self.computed:
            each = (time.perf_counter() - self._since) / self.computed
            left = f", {duration(each * (self.total - done))} left"
        self._tell(f"features of {done:,} of {self.total:,} images{left}")


def _digest(features: Tensor) -> Tensor:
    """A checksum, uint8 (16,): safetensors itself notices a cut file but not a changed byte."""
    digest = hashlib.blake2b(features.contiguous().numpy().data, digest_size=16).digest()
    return torch.frombuffer(bytearray(digest), dtype=torch.uint8)
