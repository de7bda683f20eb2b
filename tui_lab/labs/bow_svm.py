"""`bow-svm`: a bag of visual words and a linear support vector machine, which lab 2 sets beside its network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tui_lab.data.catalogue import sample_shape
from tui_lab.hyperparameters import Hyperparameters, ImageSet, Mistake, hyperparameter
from tui_lab.labs.exercise import Exercise
from tui_lab.labs.svm import fitted_samples, roughly

Descriptor = Literal["raw", "contrast", "whitened"]
Encoding = Literal["histogram", "triangle"]
Normalize = Literal["none", "l1", "l2", "power", "standard"]

PATIENCE_S = 120.0  # a fit that may take longer is worth a word before it begins
PRODUCT_S = 6e-11  # seconds of one value of a patch times one of a word: 50,000 images in a minute on two cores
MOST_ENCODED = 250_000_000  # values of all encoded training images: 1 GB, and 4 GB with what LinearSVC makes of them


class BowSVMHyperparameters(Hyperparameters):
    dataset: ImageSet = hyperparameter("cifar10", "data set", topic="Data")
    words: int = hyperparameter(
        1000, "visual words, the size of the vocabulary", topic="Model", question="2.12", ge=2, le=10_000
    )
    patch_size: int = hyperparameter(6, "side of a patch in pixels", topic="Model", ge=2, le=16)
    stride: int = hyperparameter(2, "pixels from one patch of an image to the next", topic="Model", ge=1, le=64)
    patches: int = hyperparameter(
        50_000, "patches that the words are found among, drawn from training images", topic="Model", ge=2, le=500_000
    )
    descriptor: Descriptor = hyperparameter(
        "whitened", "of a patch: its values, contrast-normalised, and then whitened", topic="Model"
    )
    encoding: Encoding = hyperparameter(
        "histogram", "of patches: counted at the nearest word, or shared among near ones", topic="Model"
    )
    pooling_grid: int = hyperparameter(
        1, "rows and columns of regions encoded by themselves; 1 = the whole image", topic="Model", ge=1, le=8
    )
    normalize: Normalize = hyperparameter(
        "power", "scaling of encoded images; power = square root, then l2", topic="Model"
    )
    C: float = hyperparameter(
        0.1, "price of a sample on the wrong side of its margin", topic="Model", question="2.12", gt=0
    )
    device: Literal["auto", "cpu"] = hyperparameter("auto", "everything is computed on the CPU", topic="Run")


def mistakes(hp: BowSVMHyperparameters) -> Iterator[Mistake]:
    """Patches and regions that do not fit the image, words that do not fit the patches, more than fits into memory."""
    _, height, width = sample_shape(hp)
    if hp.patch_size > min(height, width):
        yield Mistake("patch_size", hp.patch_size, f"is larger than the {height}×{width} images of {hp.dataset}")
        return
    across = _positions(min(height, width), hp)
    if hp.pooling_grid > across:
        problem = f"an image has {across} patch{'es' if across > 1 else ''} in a row, with this patch_size and stride"
        yield Mistake("pooling_grid", hp.pooling_grid, problem)
    if hp.words > hp.patches:
        yield Mistake("words", hp.words, f"{hp.patches:,} patches have no more than {hp.patches:,} words")
    features, samples = hp.words * hp.pooling_grid**2, fitted_samples(hp)
    if features * samples > MOST_ENCODED:
        problem = f"{samples:,} encoded images of {features:,} values do not fit into memory"
        yield Mistake("words", hp.words, problem, f"Take at most {MOST_ENCODED // features:,} images (train_size).")


def notice(hp: BowSVMHyperparameters) -> str:
    """How long the fit may take, where that is long. The run measures it, and says it better."""
    channels, height, width = sample_shape(hp)
    of_image = _positions(height, hp) * _positions(width, hp)
    samples = fitted_samples(hp)
    seconds = PRODUCT_S * samples * of_image * hp.words * channels * hp.patch_size**2
    if seconds < PATIENCE_S:
        return ""
    return (
        f"{samples:,} images have {samples * of_image:,} patches, each compared with {hp.words:,} words: this may "
        f"take some {roughly(seconds)}. A larger stride, or train_size 10000, makes it quicker."
    )


def _positions(side: int, hp: BowSVMHyperparameters) -> int:
    """Patches along a side of an image."""
    return max(0, (side - hp.patch_size) // hp.stride + 1)


BOW_SVM = Exercise(
    name="bow-svm",
    lab=2,
    title="Bag of words and SVM",
    summary="Small patches counted as visual words, and a linear SVM on the counts.",
    hyperparameters=BowSVMHyperparameters,
    model="tui_lab.models.bow_svm:BowSVM",
    check=mistakes,
    notice=notice,
)
