"""Standardisation: how inputs are scaled before the model sees them.

A standardizer is fitted on the training split only, and then scales batches of any split, vectorised, on any device. It
has no state worth saving: it can always be fitted again. Fitting runs on the CPU wherever the data lie, so its result
does not depend on the device that trains.

Standard deviations and variances divide by n - 1, as torch's and scikit-learn's do by default.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters import Standardize
from tui_lab.runs.files import replacing

LARGEST_WHITENED = 3 * 64 * 64  # values in a sample: an eigendecomposition of minutes, a few GB
CHUNK_VALUES = 2**24  # values that a pass over the pixels holds as floats: 64 MB
FLOAT32_EPSILON = torch.finfo(torch.float32).eps


class Standardizer(ABC):
    """A map from a batch of floats, (B, C, H, W) in [0, 1] or (B, 2), to one of the same shape.

    Attributes:
        needs_whole_sample: True for zca and pca, which are fitted on whole samples and so come before augmentation; the
            others scale what the model will see, after it.
    """

    needs_whole_sample = False

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The scaled batch; `x` itself is never written to."""

    def to(self, device: torch.device | str) -> Standardizer:
        """The same map with its statistics on `device`."""
        return self


@dataclass(frozen=True, eq=False)
class PerSample(Standardizer):
    """Scales each sample by itself, with nothing fitted."""

    scale: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return self.scale(x)


@dataclass(frozen=True, eq=False)
class PerChannel(Standardizer):
    """(x - mean) / std, both of shape (1, C, 1, 1) for images or (1, 2) for points."""

    mean: Tensor
    std: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def to(self, device: torch.device | str) -> PerChannel:
        return PerChannel(self.mean.to(device), self.std.to(device))


@dataclass(frozen=True, eq=False)
class Whitening(Standardizer):
    """(x - mean) @ matrix on flattened samples of D values: mean (D,), matrix (D, D)."""

    needs_whole_sample = True

    mean: Tensor
    matrix: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return ((x.flatten(1) - self.mean) @ self.matrix).reshape(x.shape)

    def to(self, device: torch.device | str) -> Whitening:
        return Whitening(self.mean.to(device), self.matrix.to(device))


def fit_standardizer(
    method: Standardize, train_x: Tensor, *, epsilon: float = 0.01, cache_dir: Path | None = None
) -> Standardizer:
    """Fit `method` on the training split.

    Args:
        method: one of
            none: x as it is: pixels from 0 to 1.
            raw: pixels as they are stored, from 0 to 255: what a network gets when nobody scales anything.
            channel: (x - mean) / std of each channel (each coordinate of points) over the split.
            channel-published: what the practical's figure 2.6 ran, with widely copied numbers: the same mean, but for
                the standard deviation the mean of those that each image has by itself, which leaves out how much
                images differ in brightness. On CIFAR-10 0.202 0.199 0.201 in place of 0.247 0.243 0.262.
            gcn: global contrast normalisation, (x - mean) / std of each sample over all its values.
            l1, l2: x / |x|₁, x / |x|₂ of each sample.
            minmax: (x - min) / (max - min) of each sample.
            zca: (x - mean) U diag(1 / √(s + ε)) Uᵀ, with U and s the eigenvectors and eigenvalues of the split's
                covariance (Bell & Sejnowski 1997; Krizhevsky 2009, appendix A): white, and still an image.
            pca: (x - mean) U diag(1 / √(s + ε)), components in decreasing variance, each signed so that its largest
                loading in absolute value is positive, as scikit-learn's `PCA(whiten=True)`; reshaped to the sample.
            pca-published: what the practical's report ran: per image, `PCA(whiten=True)` fitted on and applied to the
                pixels reshaped to (-1, 3). On a channel-first image that groups three neighbours within a channel, not
                the three channels. On CUDA it waits for the device at every batch, the only method that does.
            A zero denominator counts as 1; in a whitening with ε = 0, directions without variance become 0.
        train_x: uint8 (N, C, H, W), counted as [0, 1], or float32 (N, 2).
        epsilon: ε of zca and pca; at least 0. In [0, 1] pixels 0.01 to 0.1 suits CIFAR-10.
        cache_dir: keeps the eigenvectors of zca and pca by the content of `train_x`; None keeps nothing.

    Raises:
        UsageError: no such method; pca-published without three channels; raw or channel-published of points; zca or
            pca of more than `LARGEST_WHITENED` values a sample.
    """
    if method not in get_args(Standardize):
        raise UsageError(f"There is no standardisation {method!r}.", nearest(method, get_args(Standardize)))
    if method == "pca-published":
        _check_three_channels(train_x)
    if method in ("raw", "channel-published") and train_x.dim() == 2:
        raise UsageError(f"standardize = {method} is for images, and these are points.")
    if method == "channel":
        return _fit_channels(train_x.cpu())
    if method == "channel-published":
        return PerChannel(_fit_channels(train_x.cpu()).mean, _mean_deviation(train_x.cpu()))
    if method in ("zca", "pca"):
        _check_covariance_fits(method, train_x)
        return _fit_whitening(train_x.cpu(), epsilon, cache_dir, rotate_back=method == "zca")
    return PerSample(_PER_SAMPLE[method])


def to_float(x: Tensor) -> Tensor:
    """Pixels in [0, 1], as torchvision's `ToTensor`: uint8 / 255 as float32; floats as they are."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x


def _unscaled(x: Tensor) -> Tensor:
    return x


def _as_stored(x: Tensor) -> Tensor:
    return x * 255


def _contrast_normalized(x: Tensor) -> Tensor:
    centred = _centred(x.flatten(1), dim=1)
    std = torch.linalg.vector_norm(centred, dim=1, keepdim=True) / math.sqrt(centred.shape[1] - 1)
    return (centred / _or_one(std)).reshape(x.shape)


def _l1_normalized(x: Tensor) -> Tensor:
    return x / _or_one(x.abs().sum(_within_sample(x), keepdim=True))


def _l2_normalized(x: Tensor) -> Tensor:
    return x / _or_one(torch.linalg.vector_norm(x, dim=_within_sample(x), keepdim=True))


def _minmax_scaled(x: Tensor) -> Tensor:
    low, high = x.amin(_within_sample(x), keepdim=True), x.amax(_within_sample(x), keepdim=True)
    return (x - low) / _or_one(high - low)


def _published_pca(x: Tensor) -> Tensor:
    triples = x.reshape(len(x), -1, 3).mT.contiguous()  # (B, 3, P): several times faster than (B, P, 3)
    triples = _centred(triples, dim=2)
    covariance = triples @ triples.mT / (triples.shape[2] - 1)  # (B, 3, 3)
    # eigh waits for the device wherever it runs, and float64 is on every CPU
    variances, components = _principal_components(covariance.cpu().double())
    matrix = components * _inverse_root(variances)[:, None, :]
    return (matrix.mT.float().to(x.device) @ triples).mT.reshape(x.shape)


def _centred(x: Tensor, dim: int) -> Tensor:
    """x - mean along `dim`; exactly 0, not its rounding error, where all values are equal."""
    x = x - x.narrow(dim, 0, 1)
    return x - x.mean(dim, keepdim=True)


_PER_SAMPLE: dict[str, Callable[[Tensor], Tensor]] = {
    "none": _unscaled,
    "raw": _as_stored,
    "gcn": _contrast_normalized,
    "l1": _l1_normalized,
    "l2": _l2_normalized,
    "minmax": _minmax_scaled,
    "pca-published": _published_pca,
}


def _within_sample(x: Tensor) -> tuple[int, ...]:
    return tuple(range(1, x.dim()))


def _or_one(denominator: Tensor) -> Tensor:
    return denominator.masked_fill(denominator == 0, 1.0)


def _check_three_channels(x: Tensor) -> None:
    if x.dim() == 4 and x.shape[1] == 3:
        return
    given = "points" if x.dim() == 2 else f"images with {x.shape[1]}"
    raise UsageError(
        f"standardize = pca-published needs images with three channels, and these are {given}.",
        "cifar10 and folder have three channels.",
    )


def _check_covariance_fits(method: str, x: Tensor) -> None:
    if x[0].numel() > LARGEST_WHITENED:
        raise UsageError(
            f"standardize = {method} needs samples of at most {LARGEST_WHITENED:,} values, and these have"
            f" {x[0].numel():,}.",
            "For your own images, choose an image_size of at most 64.",
        )


def _fit_channels(x: Tensor) -> PerChannel:
    if x.dtype == torch.uint8:
        mean, std = _pixel_statistics(x)
    else:
        mean, std = x.double().mean(0), x.double().std(0, correction=min(1, len(x) - 1))
    shape = (1, -1, *[1] * (x.dim() - 2))
    return PerChannel(mean.float().reshape(shape), _or_one(std.float()).reshape(shape))


def _pixel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float64 (C,), of each channel of uint8 pixels / 255, exact through a histogram."""
    values = torch.arange(256, dtype=torch.float64) / 255
    counts = torch.zeros(x.shape[1], 256, dtype=torch.float64)
    for chunk in _chunks(x):
        for channel, count in zip(chunk.unbind(1), counts, strict=True):
            count += torch.bincount(channel.flatten(), minlength=256)
    total = counts.sum(1)
    mean = counts @ values / total
    squares = (counts * (values - mean[:, None]) ** 2).sum(1)
    return mean, (squares / (total - 1).clamp(min=1)).sqrt()


def _mean_deviation(x: Tensor) -> Tensor:
    """The mean over images of the standard deviation of each channel, (1, C, 1, 1), of uint8 pixels / 255."""
    total = torch.zeros(x.shape[1], dtype=torch.float64)
    for chunk in _chunks(x):
        total += to_float(chunk).flatten(2).std(dim=2, correction=min(1, x[0, 0].numel() - 1)).sum(0)
    return _or_one((total / len(x)).float()).reshape(1, -1, 1, 1)


def _fit_whitening(x: Tensor, epsilon: float, cache_dir: Path | None, *, rotate_back: bool) -> Whitening:
    basis = _cached_basis(x, cache_dir) if cache_dir else _fit_basis(x)
    components = basis["components"]
    scaled = components * _inverse_root(basis["variances"], epsilon).float()
    return Whitening(basis["mean"], scaled @ components.T if rotate_back else scaled)


def _fit_basis(x: Tensor) -> dict[str, Tensor]:
    """What zca and pca with any epsilon share: mean (D,), variances (D,) float64, components (D, D) in columns.

    On 50,000 images of CIFAR-10 two cores take about ten seconds.
    """
    size = x[0].numel()
    mean = torch.zeros(size, dtype=torch.float64)
    for chunk in _chunks(x):
        mean += to_float(chunk).flatten(1).sum(0, dtype=torch.float64)
    mean = (mean / len(x)).float()
    covariance = torch.zeros(size, size, dtype=torch.float64)
    for chunk in _chunks(x):
        centred = to_float(chunk).flatten(1) - mean
        covariance += centred.T @ centred
    variances, components = _principal_components(covariance / max(len(x) - 1, 1))
    return {"mean": mean, "variances": variances, "components": components.float().contiguous()}


def _principal_components(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Variances (..., D), decreasing, and components (..., D, D), in columns and with scikit-learn's signs."""
    variances, components = torch.linalg.eigh(covariance)
    variances, components = variances.flip(-1), components.flip(-1)
    largest = components.gather(-2, components.abs().argmax(-2, keepdim=True))
    return variances, components * largest.sign()


def _inverse_root(variances: Tensor, epsilon: float = 0.0) -> Tensor:
    """1 / √(variances + ε), and 0 where that is no more than the rounding error of float32 covariances."""
    noise = FLOAT32_EPSILON * variances.amax(-1, keepdim=True)
    variances = variances.clamp(min=0) + epsilon
    return torch.where(variances > noise, variances, torch.inf).rsqrt()


def _chunks(x: Tensor) -> Iterator[Tensor]:
    samples = max(1, CHUNK_VALUES // x[0].numel())
    return (x[start : start + samples] for start in range(0, len(x), samples))


def _cached_basis(x: Tensor, cache_dir: Path) -> dict[str, Tensor]:
    """`_fit_basis(x)`, kept in a file named by the content of `x`. A file that cannot be used is made again."""
    key = hashlib.blake2b(f"{x.dtype} {tuple(x.shape)}".encode(), digest_size=16)
    key.update(x.contiguous().numpy().data)
    path = cache_dir / f"whitening-{key.hexdigest()}.safetensors"
    with contextlib.suppress(OSError, SafetensorError, KeyError):
        basis = safetensors.torch.load(path.read_bytes())
        if torch.equal(basis.pop("digest"), _digest(basis)):
            return basis
    basis = _fit_basis(x)
    with contextlib.suppress(OSError):  # a full disk costs the next run ten seconds, not this run its life
        cache_dir.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(safetensors.torch.save({**basis, "digest": _digest(basis)}))
    return basis


def _digest(tensors: dict[str, Tensor]) -> Tensor:
    """A checksum, uint8 (16,): safetensors itself notices a cut file but not a changed byte."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
