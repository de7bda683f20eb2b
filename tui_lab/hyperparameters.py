"""Hyperparameters: each is declared once, as a field of a pydantic model.

From a declaration come the typed flags of `tui-lab train`, the keys of a preset, the fields of a form, the columns of
the runs table and the JSON Schema. This module holds what every gradient-trained exercise shares; an exercise adds its
own fields in `tui_lab/labs/`.

Names are torch's and timm's. In numbers that can be absent, 0 stands for "all", "none" or "the usual value", and the
help line says which: a preset, a flag and a form can then all write it.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from tui_lab.errors import UsageError, nearest

PointSet = Literal["circles", "moons", "spirals", "gaussians"]
ImageSet = Literal["digits", "mnist", "fashion-mnist", "cifar10", "folder"]
DatasetName = Literal[
    "circles", "moons", "spirals", "gaussians", "digits", "mnist", "fashion-mnist", "cifar10", "folder"
]
Standardize = Literal["none", "channel", "gcn", "zca", "pca", "pca-published", "l1", "l2", "minmax"]
Optimizer = Literal["sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop"]
Scheduler = Literal["none", "constant", "linear", "step", "exponential", "polynomial", "cosine"]

LARGEST = 2**63 - 1  # TOML's largest whole number; as a bound it is not worth words

OTHER_NAMES = {"learning_rate": "lr", "eta": "lr", "l2": "weight_decay"}  # what textbooks say, spelled unlike torch

TOPICS = ("Data", "Augmentation", "Model", "Optimisation", "Regularisation", "Run")


def hyperparameter(
    default: Any,
    help: str,
    *,
    topic: str,
    question: str = "",
    only_if: Mapping[str, tuple[Any, ...]] | None = None,
    allowed: str = "",
    **bounds: Any,
) -> Any:
    """Declare a field. `bounds` are pydantic's (gt, ge, lt, le, min_length).

    `question` names the question of the report it belongs to ("2.16": chapter 2, question 16); `only_if` says for
    which values of other hyperparameters it has an effect at all: {"optimizer": ("sgd",)}; `allowed` says in words what
    the type and the bounds do not.
    """
    if topic not in TOPICS:
        raise ValueError(f"unknown topic {topic!r}")
    extra: dict[str, Any] = {"topic": topic}
    if question:
        extra["question"] = question
    if allowed:
        extra["allowed"] = allowed
    if only_if:
        extra["only_if"] = {name: list(values) for name, values in only_if.items()}
    return Field(default, description=help, json_schema_extra=extra, validate_default=True, **bounds)


class Hyperparameters(BaseModel):
    """What every exercise trained by gradient descent shares. Frozen: a run's configuration never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    # Data
    dataset: DatasetName = hyperparameter("digits", "data set", topic="Data")
    folder: str = hyperparameter(
        "", "your own images, one folder a class", topic="Data", only_if={"dataset": ("folder",)}
    )
    image_size: int = hyperparameter(
        32, "side that your own images are resized to", topic="Data", only_if={"dataset": ("folder",)}, ge=8, le=512
    )
    noise: float = hyperparameter(
        0.2,
        "standard deviation of the noise on the points",
        topic="Data",
        only_if={"dataset": typing.get_args(PointSet)},
        ge=0,
        le=5,
    )
    train_size: int = hyperparameter(
        0, "training samples, stratified; 0 = all", topic="Data", question="1.2", ge=0, le=LARGEST
    )
    test_size: int = hyperparameter(0, "test samples, stratified; 0 = all", topic="Data", ge=0, le=LARGEST)
    validation_fraction: float = hyperparameter(
        0.0, "share of the training samples held out to select on", topic="Data", question="1.1", ge=0, le=0.9
    )
    standardize: Standardize = hyperparameter(
        "none", "how inputs are scaled, fitted on the training split", topic="Data", question="2.19"
    )
    whiten_epsilon: float = hyperparameter(
        0.01,
        "added to the variances before whitening",
        topic="Data",
        question="2.21",
        only_if={"standardize": ("zca", "pca")},
        ge=0,
        le=10,
    )

    # Augmentation: of training samples; the test transform that belongs to each is in brackets
    crop: int = hyperparameter(
        0, "side of a random crop [test: centre crop]; 0 = none", topic="Augmentation", question="2.22", ge=0, le=512
    )
    crop_padding: int = hyperparameter(
        0, "black pixels added on every side before the crop", topic="Augmentation", ge=0, le=64
    )
    flip: bool = hyperparameter(
        False, "mirror left-right with probability 0.5 [test: never]", topic="Augmentation", question="2.23"
    )
    erasing: float = hyperparameter(
        0.0, "probability of erasing a rectangle [test: never]", topic="Augmentation", question="2.25", ge=0, le=1
    )
    rotation: float = hyperparameter(
        0.0, "random rotation by 0 to this many degrees", topic="Augmentation", question="2.25", ge=0, le=360
    )
    test_rotation: float = hyperparameter(
        0.0, "the same for test samples", topic="Augmentation", question="2.25", ge=0, le=360
    )

    # Optimisation
    lr: float = hyperparameter(0.01, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    batch_size: int = hyperparameter(
        128, "samples per gradient step", topic="Optimisation", question="2.16", ge=1, le=65536
    )
    epochs: int = hyperparameter(15, "passes over the training samples", topic="Optimisation", ge=1, le=100_000)
    optimizer: Optimizer = hyperparameter("sgd", "torch.optim's", topic="Optimisation", question="2.26")
    momentum: float = hyperparameter(
        0.0, "momentum", topic="Optimisation", only_if={"optimizer": ("sgd", "rmsprop")}, ge=0, lt=1
    )
    nesterov: bool = hyperparameter(False, "Nesterov's momentum", topic="Optimisation", only_if={"optimizer": ("sgd",)})
    scheduler: Scheduler = hyperparameter(
        "none", "learning rate by epoch, torch's", topic="Optimisation", question="2.26"
    )
    gamma: float = hyperparameter(
        0.0,
        "decay factor; 0 = the usual: exponential 0.95, step 0.1",
        topic="Optimisation",
        only_if={"scheduler": ("step", "exponential")},
        ge=0,
        le=2,
    )
    step_size: int = hyperparameter(
        10,
        "epochs between two decays",
        topic="Optimisation",
        only_if={"scheduler": ("step",)},
        ge=1,
        le=LARGEST,
    )
    factor: float = hyperparameter(
        1 / 3,
        "first factor on the learning rate",
        topic="Optimisation",
        only_if={"scheduler": ("constant", "linear")},
        gt=0,
        le=1,
    )
    total_iters: int = hyperparameter(
        5,
        "epochs until the factor has done its work",
        topic="Optimisation",
        only_if={"scheduler": ("constant", "linear", "polynomial")},
        ge=1,
        le=LARGEST,
    )
    power: float = hyperparameter(
        1.0, "power of the decay", topic="Optimisation", only_if={"scheduler": ("polynomial",)}, gt=0, le=10
    )
    T_max: int = hyperparameter(
        0,
        "epochs of half a cosine; 0 = all epochs",
        topic="Optimisation",
        only_if={"scheduler": ("cosine",)},
        ge=0,
        le=LARGEST,
    )
    eta_min: float = hyperparameter(
        0.0, "lowest learning rate", topic="Optimisation", only_if={"scheduler": ("cosine",)}, ge=0
    )

    # Regularisation
    weight_decay: float = hyperparameter(0.0, "weight decay", topic="Regularisation", ge=0, le=10)
    clip_norm: float = hyperparameter(
        0.0, "largest norm of the whole gradient; 0 = no clipping", topic="Regularisation", ge=0
    )
    label_smoothing: float = hyperparameter(
        0.0, "probability spread over all classes in the training loss", topic="Regularisation", ge=0, lt=1
    )
    early_stopping: int = hyperparameter(
        0,
        "epochs without improvement before stopping; 0 = never",
        topic="Regularisation",
        question="2.18",
        ge=0,
        le=LARGEST,
    )
    selection_metric: Literal["accuracy", "loss"] = hyperparameter(
        "accuracy", "what selects the best epoch and stops early", topic="Regularisation"
    )

    # Run
    seed: int = hyperparameter(0, "seed of every random draw of the run", topic="Run", ge=0, lt=2**63)
    device: str = hyperparameter(
        "auto",
        "where to train; auto = the first GPU, else the CPU",
        topic="Run",
        allowed="auto | cpu | cuda | cuda:N | mps",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
    )
    threads: int = hyperparameter(
        0, "CPU threads; 0 = what suits the model, at most the cores", topic="Run", ge=0, le=1024
    )
    precision: Literal["auto", "fp32", "bf16"] = hyperparameter(
        "auto", "auto = bf16 autocast where a self-test shows that it pays", topic="Run"
    )
    channels_last: Literal["auto", "on", "off"] = hyperparameter(
        "auto", "memory layout of images; auto = where a self-test shows that it pays", topic="Run"
    )
    compile: bool = hyperparameter(False, "torch.compile; on CPU it costs more than it gives", topic="Run")
    evaluate_train: bool = hyperparameter(
        False, "also measure the training set in eval mode after each epoch", topic="Run", question="2.17"
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        problems = [
            (self.nesterov and self.momentum == 0, "nesterov", "needs momentum above 0"),
            (self.nesterov and self.optimizer != "sgd", "nesterov", "is sgd's; with another optimizer set it false"),
            (self.dataset == "folder" and not self.folder, "folder", "must name a folder when dataset is 'folder'"),
            (self.crop_padding > 0 and self.crop == 0, "crop_padding", "needs a crop"),
        ]
        wrong = [(name, message) for is_wrong, name, message in problems if is_wrong]
        if wrong:
            text = "; ".join(f"{name} {message}" for name, message in wrong)
            raise PydanticCustomError("combination", text, {"problems": wrong})
        return self


@dataclass(frozen=True)
class Declaration:
    """One hyperparameter as front ends need it; read from the pydantic field, never written by hand."""

    name: str
    type: type  # bool, int, float, str or list (of int)
    default: Any
    choices: tuple[str, ...]
    bounds: Mapping[str, Any]
    help: str
    topic: str
    question: str
    only_if: Mapping[str, tuple[Any, ...]]
    allowed: str  # the allowed values in words: `0 < lr <= 100`, `sgd | adam`, `true | false`

    @property
    def flag(self) -> str:
        """`batch_size` -> `--batch-size`."""
        return "--" + self.name.replace("_", "-")

    @property
    def condition(self) -> str:
        """When it has an effect, in words: `optimizer is sgd or rmsprop`. Empty when always."""
        return " and ".join(f"{name} is {_either(values)}" for name, values in self.only_if.items())

    def parse(self, text: str) -> Any:
        """The value that `text` (of a flag, a form, a filter) stands for.

        Text that stands for none comes back as it is: validation then says what is allowed.
        """
        stripped = text.strip()
        try:
            if self.type is bool:
                return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[
                    stripped.lower()
                ]
            if self.type is int:
                return _whole(stripped)
            if self.type is float:
                return float(stripped)
            if self.type is list:
                return [_whole(part) for part in stripped.strip("[]").split(",") if part.strip()]
        except (ValueError, KeyError, OverflowError):
            return text
        return text

    def arguments(self, value: Any) -> list[str]:
        """The flag that sets it to `value`: `--lr 0.1`, `--flip`, `--no-flip`, `--hidden 128,64`."""
        if self.type is bool:
            return [self.flag if value else f"--no{self.flag[1:]}"]
        return [self.flag, ",".join(map(str, value)) if self.type is list else str(value)]

    def has_effect(self, values: Mapping[str, Any]) -> bool:
        """Whether this hyperparameter changes anything, given the `values` of the others."""
        return all(values.get(name) in allowed for name, allowed in self.only_if.items())


def _either(values: Sequence[Any]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


_KINDS: dict[type, str] = {int: "a whole number", float: "a number"}


def _whole(text: str) -> int:
    """`50000`, `50_000` or `5e4`."""
    number = float(text.replace("_", ""))
    if number != int(number):
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").isdigit() else int(number)


def _in_words(name: str, kind: type, choices: tuple[str, ...], bounds: Mapping[str, Any]) -> str:
    if choices:
        return " | ".join(choices)
    if kind is bool:
        return "true | false"
    if kind is list:
        return "whole numbers of at least 1, such as 128,64"
    lower = _limit(bounds, "gt", "<") or _limit(bounds, "ge", "<=")
    upper = _limit(bounds, "lt", "<") or _limit(bounds, "le", "<=")
    if not lower and not upper:
        return _KINDS.get(kind, "text")
    left = f"{lower[1]} {lower[0]} " if lower else ""
    right = f" {upper[0]} {upper[1]}" if upper else ""
    return f"{left}{name}{right}"


def _limit(bounds: Mapping[str, Any], key: str, sign: str) -> tuple[str, str] | None:
    if bounds.get(key, LARGEST) == LARGEST:
        return None
    value = bounds[key]
    return sign, "2^63" if value == 2**63 else f"{value:g}" if value < 1e5 else f"{value:,}"


def declarations(model: type[Hyperparameters]) -> dict[str, Declaration]:
    """Every hyperparameter of `model` by name, ordered by topic and then by declaration.

    Left out are those that no choice of `model` lets have an effect: the noise of 2-D points, where it takes images.
    """
    found = {name: _declaration(name, field) for name, field in model.model_fields.items()}
    reachable = [
        d
        for d in found.values()
        if all(
            not found[other].choices or set(values) & set(found[other].choices) for other, values in d.only_if.items()
        )
    ]
    return {d.name: d for d in sorted(reachable, key=lambda d: TOPICS.index(d.topic))}


def _declaration(name: str, field: FieldInfo) -> Declaration:
    extra = typing.cast(dict[str, Any], field.json_schema_extra)
    choices: tuple[str, ...] = ()
    kind: Any = field.annotation
    origin = typing.get_origin(kind)
    if origin is Literal:
        choices, kind = typing.get_args(kind), str
    elif origin in (list, tuple, types.GenericAlias):
        kind = list
    bounds = {
        key: getattr(item, key)
        for item in field.metadata
        for key in ("gt", "ge", "lt", "le")
        if getattr(item, key, None) is not None
    }
    return Declaration(
        name=name,
        type=kind,
        default=field.get_default(call_default_factory=True),
        choices=choices,
        bounds=bounds,
        help=field.description or "",
        topic=extra["topic"],
        question=extra.get("question", ""),
        only_if={key: tuple(values) for key, values in extra.get("only_if", {}).items()},
        allowed=extra.get("allowed") or _in_words(name, kind, choices, bounds),
    )


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a set of values: the key, what was given, what is allowed, and a hint."""

    key: str
    value: Any
    problem: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """`lr = 0: must be 0 < lr <= 100`, without the hint and without a full stop."""
        given = (
            f"{_written_key(self.key)} = {written(self.value)}" if self.value is not None else _written_key(self.key)
        )
        return f"{given}: {self.problem}"

    def __str__(self) -> str:
        return f"{self.sentence}{f' ({self.hint})' if self.hint else ''}"


def written(value: Any, most: int = 60) -> str:
    """`value` as a preset would write it, in at most `most` printable characters; what lists hold is not unfolded."""
    if isinstance(value, list):
        text = f"[{', '.join('[...]' if isinstance(item, list) else written(item) for item in value[:most])}]"
    elif isinstance(value, dict):
        text = "{...}"
    elif isinstance(value, bool | str):
        text = json.dumps(value if isinstance(value, bool) else value[:most], ensure_ascii=False)
    elif isinstance(value, int) and abs(value) > LARGEST:
        text = "a number beyond 64 bits"  # Python refuses to write those of more than 4300 digits
    else:
        text = str(value)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def _written_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", key) else written(key)


def mistakes_in(model: type[Hyperparameters], values: Mapping[str, Any]) -> list[Mistake]:
    """Every mistake of `values` at once; empty when `model(**values)` would be accepted.

    Combinations of values are judged when each value by itself is one that is allowed.
    """
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        found = [mistake for detail in error.errors(include_url=False) for mistake in _mistakes(model, detail, values)]
        return list({mistake.sentence: mistake for mistake in found}.values())
    return []


def _mistakes(model: type[Hyperparameters], detail: Any, values: Mapping[str, Any]) -> list[Mistake]:
    if detail["type"] == "combination":
        return [Mistake(name, values.get(name), problem) for name, problem in detail["ctx"]["problems"]]
    key = str(detail["loc"][0])
    value = values.get(key)
    if detail["type"] == "extra_forbidden":
        other_name = OTHER_NAMES.get(key)
        hint = f"Did you mean {other_name!r}?" if other_name else nearest(key, declarations(model))
        return [Mistake(key, value, "no such hyperparameter", hint)]
    declaration = _declaration(key, model.model_fields[key])
    allowed = declaration.allowed
    kind = _KINDS.get(declaration.type, "")
    if kind and kind not in allowed and not _is_a(declaration.type, value):
        allowed = f"{kind}, {allowed}"
    return [Mistake(key, value, f"must be {allowed}", _hint(declaration, value))]


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)


def _hint(declaration: Declaration, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if declaration.choices:
        return nearest(value, declaration.choices)
    meant = declaration.parse(value)
    return "" if isinstance(meant, str) else f"Write {written(meant)}, without quotes."


def refusal(mistakes: Sequence[Mistake]) -> UsageError:
    """One error for all of `mistakes`, of which there is at least one."""
    if len(mistakes) == 1:
        return UsageError(f"{mistakes[0].sentence}.", mistakes[0].hint)
    return UsageError(f"{'; '.join(map(str, mistakes))}.")


def build(model: type[Hyperparameters], values: Mapping[str, Any]) -> Hyperparameters:
    """`model(**values)`, with every mistake in one `UsageError` in the program's own words."""
    mistakes = mistakes_in(model, values)
    if mistakes:
        raise refusal(mistakes)
    return model.model_validate(dict(values))
