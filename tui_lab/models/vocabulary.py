"""Visual words: small patches of images, and images as counts of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.errors import UsageError
from tui_lab.seeding import stream_seed

PATCHES_AT_ONCE = 2048  # whose distances to all words are in memory, 8 MB for 1,000 words
CONTRAST_FLOOR = 10 / 255**2  # added to the variance of a patch of [0, 1] pixels
WHITENING_EPSILON = 0.1  # added to the variances of contrast-normalised patches; both floors are those of the paper
KMEANS_BATCH_SIZE = 1024
MOST_EPOCHS = 10  # of k-means over the patches; it ends before where nothing improves
NUMPY_SEEDS = 2**32


class Vocabulary(nn.Module):
    """A bag of visual words: what an image consists of, without where it is (Csurka et al., 2004).

    Square patches are cut out on a dense grid, described by their pixels, and compared with K words, which k-means
    found among patches of the training images. Descriptors and the soft encoding are those of Coates, Ng & Lee (2011).

    Args:
        input_shape: of one image, (C, H, W).
        words: K.
        patch_size: side of a patch in pixels.
        stride: pixels from one patch to the next.
        patches: of the training images, drawn anywhere in them, among which the words are found.
        descriptor: raw = the D = C·patch_size² values of a patch; contrast = less their mean, over their standard
            deviation; whitened = after that decorrelated by ZCA.
        encoding: histogram = how many patches are nearest to each word; triangle = for each word, the sum over patches
            of max(0, m - d), with d the distance to it and m the mean distance to all words.
        pooling_grid: rows and columns of regions, each with an encoding of its own; 1 = the whole image.
        normalize: of the whole encoding: none; l1, l2 = over its norm; power = the square root, then l2.

    Attributes:
        words: (K, D), those of most patches first.
        mean, whitener: (D,) and (D, D), of the whitening: (p - mean) @ whitener. Only where there is one.
        features: values of an encoded image, pooling_grid² · K.

    Everything is float32.
    """

    words: Tensor
    mean: Tensor
    whitener: Tensor

    def __init__(
        self,
        input_shape: Sequence[int],
        words: int = 1000,
        patch_size: int = 6,
        stride: int = 2,
        patches: int = 50_000,
        descriptor: str = "whitened",
        encoding: str = "histogram",
        pooling_grid: int = 1,
        normalize: str = "power",
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        self.channels, self.patch_size, self.stride, self.patches = channels, patch_size, stride, patches
        self.descriptor, self.encoding, self.normalize = descriptor, encoding, normalize
        self.regions = pooling_grid**2
        self.features = self.regions * words
        rows, columns = ((side - patch_size) // stride + 1 for side in (height, width))
        self.positions = rows * columns  # patches of an image
        down, across = (torch.arange(count) * pooling_grid // count for count in (rows, columns))
        self._region = (down[:, None] * pooling_grid + across).flatten()  # of each position
        values = channels * patch_size**2
        self.register_buffer("words", torch.zeros(words, values))
        if descriptor == "whitened":
            self.register_buffer("mean", torch.zeros(values))
            self.register_buffer("whitener", torch.zeros(values, values))

    # Learning the words

    def learn(self, x: Tensor, seed: int) -> None:
        """Find the words among patches of images x (N, C, H, W), drawn from `seed`.

        Raises:
            UsageError: there are fewer patches than words.
        """
        from sklearn.cluster import MiniBatchKMeans  # slow to import
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        words = len(self.words)
        described = self._fit_descriptor(self.sample(x, stream_seed(seed, "patches")))
        if len(described) < words:
            raise UsageError(
                f"{len(described):,} patches of {len(x):,} images are too few for {words:,} words.",
                "Take fewer words, or more images (train_size).",
            )
        machine = MiniBatchKMeans(
            words,
            batch_size=max(KMEANS_BATCH_SIZE, words),
            max_iter=MOST_EPOCHS,
            n_init=1,
            random_state=stream_seed(seed, "k-means") % NUMPY_SEEDS,
        )
        # Its batches are too small to share: two threads wait for each other, long where others work too
        with threadpool_limits(1):
            machine.fit(described.numpy())
        found = torch.from_numpy(machine.cluster_centers_).float()
        used = torch.bincount(torch.from_numpy(machine.labels_).long(), minlength=words)
        self.words.copy_(found[used.argsort(descending=True, stable=True)])

    def sample(self, x: Tensor, seed: int) -> Tensor:
        """At most `patches` patches (P, D), drawn anywhere in images x (N, C, H, W), and no more than there are."""
        generator, size = torch.Generator().manual_seed(seed), self.patch_size
        count, (height, width) = len(x), (side - size + 1 for side in x.shape[2:])
        wanted = min(self.patches, count * height * width)
        image, top, left = (torch.randint(most, (wanted,), generator=generator) for most in (count, height, width))
        steps = torch.arange(size)
        rows, columns = (top[:, None] + steps)[:, :, None], (left[:, None] + steps)[:, None, :]
        cut = x[image[:, None, None], :, rows, columns]  # (P, size, size, C)
        return cut.permute(0, 3, 1, 2).flatten(1)

    def _fit_descriptor(self, sampled: Tensor) -> Tensor:
        """Sampled patches (P, D) as descriptors, once the whitening is fitted to them."""
        if self.descriptor == "whitened":
            normalized = contrast_normalized(sampled)
            mean, whitener = zca(normalized, WHITENING_EPSILON)
            self.mean.copy_(mean)
            self.whitener.copy_(whitener)
        return self.describe(sampled)

    # Encoding images

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) encoded, (B, features)."""
        return torch.cat(list(self.encoded(x)))

    def encoded(self, x: Tensor) -> Iterator[Tensor]:
        """The same in parts, few enough images at a time that all their distances fit into memory."""
        for images in x.split(max(1, PATCHES_AT_ONCE // self.positions)):  # type: ignore[no-untyped-call]
            yield self._normalized(self._pooled(self.describe(dense_patches(images, self.patch_size, self.stride))))

    def describe(self, patches: Tensor) -> Tensor:
        """The descriptors of patches (..., D), of the same shape."""
        if self.descriptor == "raw":
            return patches
        normalized = contrast_normalized(patches)
        return normalized if self.descriptor == "contrast" else (normalized - self.mean) @ self.whitener

    def _pooled(self, described: Tensor) -> Tensor:
        """The encoding (B, regions, K) of the described patches (B, positions, D) of images."""
        images, words = len(described), len(self.words)
        flat = described.flatten(0, 1)
        # |p - w|² less |p|², which does not change what is nearest
        closeness = torch.addmm(self.words.square().sum(1), flat, self.words.T, alpha=-2)
        if self.encoding == "histogram":
            nearest = closeness.min(1).indices.reshape(images, self.positions)
            return histograms(nearest, self._region.to(nearest.device), self.regions, words)
        distances = closeness.add_(flat.square().sum(1, keepdim=True)).clamp_(min=0).sqrt_()
        likeness = (distances.mean(1, keepdim=True) - distances).clamp_(min=0).reshape(images, self.positions, words)
        pooled = likeness.new_zeros(images, self.regions, words)
        return pooled.index_add_(1, self._region.to(likeness.device), likeness)

    def _normalized(self, pooled: Tensor) -> Tensor:
        values = pooled.flatten(1)
        if self.normalize == "none":
            return values
        if self.normalize == "power":
            values = values.sqrt()
        return F.normalize(values, p=1 if self.normalize == "l1" else 2)


def dense_patches(x: Tensor, size: int, stride: int) -> Tensor:
    """The square patches of images (B, C, H, W) on a grid, row by row: (B, positions, C·size²)."""
    return F.unfold(x, size, stride=stride).mT


def contrast_normalized(patches: Tensor) -> Tensor:
    """(p - mean) / √(variance + a floor) of each patch (..., D) over its values; 0 where all are equal."""
    centred = patches - patches[..., :1]  # so that what is constant comes out as 0 and not as a rounding error
    centred = centred - centred.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + CONTRAST_FLOOR).sqrt()


def zca(samples: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean (D,) and matrix (D, D) of the whitening (x - mean) @ matrix of samples (N, D): U diag(1/√(s + ε)) Uᵀ with U
    and s the eigenvectors and eigenvalues of their covariance."""
    exact = samples.double()
    mean = exact.mean(0)
    covariance = (exact - mean).T @ (exact - mean) / len(exact)
    variances, axes = torch.linalg.eigh(covariance)
    matrix = axes * (variances.clamp(min=0) + epsilon).rsqrt() @ axes.T
    return mean.to(samples.dtype), matrix.to(samples.dtype)


def histograms(nearest: Tensor, region: Tensor, regions: int, words: int) -> Tensor:
    """How many patches have each word, region by region.

    Args:
        nearest: the word of each patch, int64 (B, P).
        region: of each position of a patch, int64 (P,), from 0 to regions - 1.
        regions, words: how many there are.

    Returns:
        float32 (B, regions, words).
    """
    images = len(nearest)
    first = torch.arange(images, device=nearest.device)[:, None] * regions * words
    cells = (first + region * words + nearest).flatten()
    return torch.bincount(cells, minlength=images * regions * words).float().reshape(images, regions, words)
