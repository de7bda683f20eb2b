"""`timm`: large networks of timm, pretrained or not, of which a head, some blocks or everything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from tui_lab.data.catalogue import DATASETS
from tui_lab.errors import MissingWeightsError, UsageError
from tui_lab.hyperparameters import GradientHyperparameters, ImageSet, Mistake, Problem, hyperparameter
from tui_lab.hyperparameters.shared import Optimizer
from tui_lab.labs.exercise import Exercise
from tui_lab.labs.timm_models import check_model, known_models, known_size, sizes_of, timm_models
from tui_lab.models.hub import GIVE_A_FILE, cached_file, check_file, check_hub

USUAL_SIDE = 224  # of the images that most networks were pretrained on
GENTLE_LR = 5e-4  # a pretrained body that is trained with more forgets what it knows
PATIENT_PASSES = 20_000  # of an image through the network; a CPU makes from 5 to 200 a second


class TimmHyperparameters(GradientHyperparameters):
    dataset: ImageSet = hyperparameter("cifar10", "data set", topic="Data")
    standardize: Literal["none"] = hyperparameter(
        "none", "the network scales its images itself, as it was pretrained", topic="Data"
    )
    model: str = hyperparameter(
        "vit_base_patch16_224", "timm's name of the network; tui-lab models searches them", topic="Model", min_length=1
    )
    pretrained: bool = hyperparameter(
        True, "begin with pretrained weights, else with random ones", topic="Model", question="3.21"
    )
    weights: str = hyperparameter(
        "", "file with the pretrained weights; empty = timm's hub", topic="Model", only_if={"pretrained": (True,)}
    )
    trainable: str = hyperparameter(
        "head",
        "the new classifier, the last N blocks too, or all",
        topic="Model",
        question="3.22",
        allowed="head | all | last-N, such as last-2",
        pattern=r"^(head|all|last-[1-9]\d{0,3})$",
    )
    image_size: int = hyperparameter(
        0,
        "side that images are resized to; 0 = what the network was made for",
        topic="Model",
        question="3.19",
        ge=0,
        le=1024,
    )
    dropout: float = hyperparameter(
        0.0, "probability of dropping a feature before the classifier", topic="Model", ge=0, le=1
    )
    optimizer: Optimizer = hyperparameter("adam", "torch.optim's", topic="Optimisation", question="2.26")
    lr: float = hyperparameter(0.001, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    batch_size: int = hyperparameter(
        64, "samples per gradient step", topic="Optimisation", question="2.16", ge=1, le=65536
    )
    epochs: int = hyperparameter(20, "passes over the training samples", topic="Optimisation", ge=1, le=100_000)
    layer_decay: float = hyperparameter(
        1.0,
        "factor on the learning rate from each layer to the one before; 1 = none",
        topic="Optimisation",
        question="3.22",
        gt=0,
        le=1,
    )
    warmup_epochs: float = hyperparameter(
        0.0,
        "epochs, whole or not, in which the learning rate rises from 0",
        topic="Optimisation",
        question="3.22",
        ge=0,
        le=1000,
    )

    @property
    def stored_side(self) -> int:
        """Side at which the user's own images are kept: what the network takes, as far as its name tells."""
        return self.image_size or self._own_side or USUAL_SIDE

    @property
    def _own_side(self) -> int:
        """Side of the images that the network was made for, where its name tells it, else 0."""
        in_name = re.findall(r"_(\d{2,4})(?=[._]|$)", self.model)
        return int(in_name[-1]) if in_name else 0

    @property
    def _patch_side(self) -> int:
        """Side of its patches, where its name tells it, else 1."""
        in_name = re.search(r"_patch(\d+)", self.model)
        return max(1, int(in_name[1])) if in_name else 1

    @property
    def _fitting_sides(self) -> str:
        """The next sides that patches divide: `32 and 48`."""
        below = self.image_size // self._patch_side * self._patch_side
        above = below + self._patch_side
        return f"{below} and {above}" if below else f"{above}"

    @property
    def keeps_features(self) -> bool:
        """Whether what the frozen body makes of the images is computed once and kept."""
        return self.trainable == "head" and not self.are_images_random

    @property
    def are_images_random(self) -> bool:
        """Whether training images change from epoch to epoch."""
        return bool(self.crop or self.flip or self.erasing or self.rotation)

    def problems(self) -> list[Problem]:
        return [
            *super().problems(),
            (
                self.image_size not in (0, self._own_side) and self.image_size % self._patch_side != 0,
                "image_size",
                f"patches of {self._patch_side} pixels do not divide it; {self._fitting_sides} would fit",
            ),
            (self.layer_decay < 1 and self.trainable != "all", "layer_decay", "needs trainable = all"),
            (
                self.warmup_epochs > self.epochs,
                "warmup_epochs",
                f"must be at most epochs = {self.epochs}, or the learning rate is never reached",
            ),
        ]


def mistakes(hp: TimmHyperparameters) -> Iterator[Mistake]:
    """Models that there are not, and more blocks than one has: as far as timm has been asked before."""
    models = known_models()
    if models is None:
        return
    try:
        model = check_model(hp.model, models)
    except UsageError as error:
        yield Mistake("model", hp.model, error.message.rstrip("."), error.hint)
        return
    if hp.pretrained and not hp.weights and not model.is_pretrained:
        yield Mistake(
            "pretrained", hp.pretrained, f"timm has no weights of {hp.model}", "Give a file of them: weights."
        )
    size = known_size(hp.model)
    if size is not None and last_blocks(hp) > size.blocks:
        yield Mistake("trainable", hp.trainable, f"{hp.model} has {size.blocks} blocks", "all trains everything.")


def last_blocks(hp: TimmHyperparameters) -> int:
    """N of last-N; 0 of anything else."""
    return int(hp.trainable.removeprefix("last-")) if hp.trainable.startswith("last-") else 0


def check_files(hp: TimmHyperparameters) -> None:
    """Whether the model exists, and its weights are here or can be fetched; asks timm, once for all runs.

    Raises UsageError for the one, MissingWeightsError for the other.
    """
    model = check_model(hp.model, timm_models())
    if count := last_blocks(hp):
        size = sizes_of([hp.model]).get(hp.model)
        if size is not None and count > size.blocks:
            problem = f"trainable = {hp.trainable}: {hp.model} has {size.blocks} blocks."
            raise UsageError(problem, "all trains everything.")
    if not hp.pretrained:
        return
    if hp.weights:
        check_file(hp.weights)
    elif not model.is_pretrained:
        raise MissingWeightsError(f"timm has no pretrained weights of {hp.model}.", GIVE_A_FILE)
    elif not _is_cached(hp.model, model):
        check_hub(hp.model)


def _is_cached(name: str, model: Any) -> bool:
    """Whether the weights have been fetched before. Those with a tag of their own are in a place of the same form."""
    tag = name.partition(".")[2]
    hub_id = f"timm/{name}" if tag else model.hub_id
    return cached_file(hub_id, None if tag else model.hub_file or None) is not None


def notice(hp: TimmHyperparameters) -> str:
    """That features cannot be kept, that a rate is too high for pretrained weights, or how long it takes on a CPU."""
    if hp.trainable == "head" and hp.are_images_random:
        return (
            "With images that change from epoch to epoch, features cannot be kept: every epoch sends all images "
            "through the whole network."
        )
    if hp.pretrained and hp.trainable != "head" and hp.lr > GENTLE_LR and hp.optimizer.startswith("adam"):
        return f"lr {hp.lr:g} suits a new head; pretrained blocks forget what they know above some 0.0001."
    info = DATASETS[hp.dataset]
    images = (hp.train_size or info.train_size) + (hp.test_size or info.test_size)
    passes = images if hp.keeps_features else images * hp.epochs
    if passes < PATIENT_PASSES:
        return ""
    return (
        f"{passes:,} passes of an image through {hp.model}: without a GPU that may take hours. "
        "A train_size of 2000 and a test_size of 1000 make it quicker."
    )


TIMM = Exercise(
    name="timm",
    lab=3,
    title="Pretrained networks",
    summary="Any network of timm: a new head on a pretrained body, its last blocks, or all of it.",
    hyperparameters=TimmHyperparameters,
    model="tui_lab.models.timm_model:TimmModel",
    is_imported_late=True,
    check=mistakes,
    check_files=check_files,
    notice=notice,
)
