"""Networks of timm with their pretrained weights, found, read and held against the network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "5")  # seconds; read when huggingface_hub is imported, by timm
os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "10")

import timm
from safetensors import SafetensorError
from timm.models import get_pretrained_cfg, is_model
from timm.models import load_state_dict as read_state_dict
from torch import Tensor

from tui_lab.errors import MissingWeightsError, UsageError
from tui_lab.models.hub import GIVE_A_FILE, WHAT_FILE, cached_file, check_file, check_hub
from tui_lab.models.timm_names import did_you_mean

MOST_NAMED = 4  # tensors that do not fit
OTHER_MODEL = "Is it a file of another model? `tui-lab models` lists them."


def build_network(
    model: str, classes: int, pretrained: bool, weights: str, image_size: int
) -> tuple[Any, tuple[str, ...]]:
    """timm's network of that name with a classifier for `classes`, new unless the weights have one for so many.

    Args and errors: as `TimmModel` has them. Returns the network, and sentences on what was done to its weights.
    """
    name = model.partition(".")[0]
    if not is_model(name):
        raise UsageError(f"timm {timm.__version__} has no model {model!r}.", nearest_model(name))
    tag = model.partition(".")[2]
    tags = [other.partition(".")[2] for other in timm.list_models(f"{name}.*", pretrained=True)]
    if tag and tag not in tags:
        known = f"There are {', '.join(tags)}." if tags else "There are none of this model."
        raise UsageError(f"timm {timm.__version__} has no weights {model!r}.", known)
    config = get_pretrained_cfg(model)
    assert config is not None  # every model has one
    sizes = {"img_size": image_size} if image_size and config.fixed_input_size else {}
    if not pretrained:
        return _checked(_created(model, classes, image_size, sizes), model, image_size), ()
    state = _read(Path(weights).expanduser()) if weights else _of_hub(model, config)
    source = weights or f"The weights of {model}"
    network = _checked(_with_weights(model, config, state, source, image_size, sizes), model, image_size)
    notes = _notes_on_sizes(network, state)
    if network.num_classes != classes:
        network.reset_classifier(classes)
    return network, notes


def _checked(network: Any, model: str, image_size: int) -> Any:
    """The network, if patches of its size tile its images: timm would leave out a rest, or end at the first batch."""
    patch = getattr(getattr(network, "patch_embed", None), "patch_size", None)
    side = int(patch[0] if isinstance(patch, tuple) else patch or 1)
    if image_size and image_size % side:
        below, above = image_size // side * side, (image_size // side + 1) * side
        fitting = f"{below} and {above}" if below else f"{above}"
        raise UsageError(f"image_size = {image_size}: {model} has patches of {side}×{side}.", f"{fitting} would fit.")
    return network


def _notes_on_sizes(network: Any, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What timm resized of the weights, whose model takes images or patches of another size."""
    of_network = network.state_dict()
    resized = [
        f"{name} ({_shape(value)} to {_shape(of_network[name])})"
        for name, value in state.items()
        if name in of_network and of_network[name].numel() != value.numel()
    ]
    return (f"The weights were made for images of another size, and resized: {_few(resized)}.",) if resized else ()


def _shape(tensor: Tensor) -> str:
    return ", ".join(map(str, tensor.shape))


def nearest_model(name: str) -> str:
    """What to do about a name that is no model's."""
    close = did_you_mean(name, timm.list_models())
    return f"{close} `tui-lab models PATTERN` searches them." if close else "`tui-lab models` lists them."


@dataclass(frozen=True)
class _Misfit:
    """What torch says of a state dict that does not fit: names, and shapes in the file."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: Mapping[str, tuple[str, str]]  # by name: in the file, in the model

    @classmethod
    def of(cls, error: RuntimeError) -> _Misfit | None:
        """None for an error of another kind."""
        text = str(error)
        if not text.startswith("Error(s) in loading state_dict"):
            return None
        missing, unexpected = (
            tuple(re.findall(r'"([^"]+)"', match[1])) if match else ()
            for match in (
                re.search(rf"{kind} key\(s\) in state_dict: (.*?)(?:\n|$)", text) for kind in ("Missing", "Unexpected")
            )
        )
        shapes = re.findall(
            r"size mismatch for (\S+): copying a param with shape torch\.Size\(\[(.*?)\]\) from checkpoint, "
            r"the shape in current model is torch\.Size\(\[(.*?)\]\)",
            text,
        )
        return cls(missing, unexpected, {name: (found, wanted) for name, found, wanted in shapes})

    def sentence(self) -> str:
        """`missing: a, b and 3 more; unexpected: c; other shape: d (10, 3 instead of 10, 4)`."""
        shapes = [f"{name} ({found} instead of {wanted})" for name, (found, wanted) in self.shapes.items()]
        kinds = {"missing": self.missing, "unexpected": self.unexpected, "other shape": shapes}
        return "; ".join(f"{kind}: {_few(names)}" for kind, names in kinds.items() if names)

    def classes_of_file(self, classifiers: tuple[str, ...]) -> int | None:
        """Where nothing but the classifier does not fit: the classes of the file, 0 where it has no classifier."""
        of_classifier = {f"{name}.{kind}" for name in classifiers for kind in ("weight", "bias")}
        wrong = {*self.missing, *self.unexpected, *self.shapes}
        if not wrong or wrong - of_classifier:
            return None
        sizes = [found.partition(",")[0] for found, _ in self.shapes.values()]
        return int(sizes[0]) if sizes else 0


def _few(names: Any) -> str:
    shown, more = ", ".join(names[:MOST_NAMED]), len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _with_weights(
    model: str, config: Any, state: dict[str, Tensor], source: str, image_size: int, sizes: dict[str, Any]
) -> Any:
    """The network with the weights of `state` and as many classes as they have.

    All of them must fit: asked for other classes than the weights have, timm would take whatever fits, be it nothing.
    """
    given = config.classifier or ()
    classifiers = (given,) if isinstance(given, str) else tuple(given)
    classes = int(config.num_classes)
    tried: set[int] = set()
    while True:
        tried.add(classes)
        overlay = {"state_dict": dict(state), "num_classes": classes, "label_offset": 0}
        try:
            network = _created(model, classes, image_size, {**sizes, "pretrained_cfg_overlay": overlay})
        except _Refused as refused:
            misfit = _Misfit.of(refused.reason)
            found = misfit.classes_of_file(classifiers) if misfit else None
            if found is not None and found not in tried:
                classes = found
                continue
            said = misfit.sentence() if misfit else _first_line(refused.reason)
            raise MissingWeightsError(f"{source} does not fit {model}: {said}.", OTHER_MODEL) from refused.reason
        network.pretrained_cfg.pop("state_dict", None)  # or all weights would stay in memory twice
        return network


class _Refused(Exception):  # noqa: N818
    """What timm or torch said of weights while it took them in."""

    def __init__(self, reason: RuntimeError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _created(model: str, classes: int, image_size: int, options: dict[str, Any]) -> Any:
    """`timm.create_model`, with weights where `options` have some.

    Raises UsageError for a network that cannot be built, and _Refused for weights that it does not take.
    """
    has_weights = "pretrained_cfg_overlay" in options
    try:
        return timm.create_model(model, pretrained=has_weights, num_classes=classes, in_chans=3, **options)
    except (RuntimeError, ValueError, TypeError, AssertionError, KeyError) as error:
        if has_weights:
            raise _Refused(error if isinstance(error, RuntimeError) else RuntimeError(_first_line(error))) from error
        of_size = f" for images of {image_size}×{image_size}" if image_size else ""
        hint = "Try another image_size: 0 is the model's own." if image_size else ""
        raise UsageError(f"{model} cannot be built{of_size}: {_first_line(error)}.", hint) from error


def _of_hub(model: str, config: Any) -> dict[str, Tensor]:
    """The weights of timm's hub, from its cache or downloaded into it."""
    if not config.has_weights:
        raise MissingWeightsError(
            f"There are no pretrained weights of {model}.", "Set pretrained false, or give a file."
        )
    path = cached_file(config.hf_hub_id, config.hf_hub_filename)
    if path is None:
        check_hub(model)
        path = _downloaded(model, config)
    return _read(path)


def _downloaded(model: str, config: Any) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    if not config.hf_hub_id:
        from timm.models._hub import download_cached_file

        try:
            return Path(download_cached_file(config.url, check_hash=False, progress=False))
        except OSError as error:
            raise MissingWeightsError(f"{config.url} cannot be fetched: {_first_line(error)}.", GIVE_A_FILE) from error
    names = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    reason: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(config.hf_hub_id, name))
        except (EntryNotFoundError, HfHubHTTPError, OSError) as error:
            reason = error
    message = f"The weights of {model} cannot be fetched from {config.hf_hub_id}: {_first_line(reason)}."
    raise MissingWeightsError(message, GIVE_A_FILE) from reason


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, as timm finds them in it. Nothing but tensors is read of a pickle."""
    check_file(str(path))
    try:
        state = read_state_dict(str(path), weights_only=True)
    except OSError as error:
        raise MissingWeightsError(f"The weights {path} cannot be read: {_first_line(error)}.", "") from error
    except (RuntimeError, SafetensorError, EOFError, ValueError, LookupError, AttributeError, TypeError) as error:
        # said without the library's words, which are about its own readers: "header too large", "101"
        raise MissingWeightsError(f"The weights {path} cannot be read: {_why_unreadable(error)}.", WHAT_FILE) from error
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise MissingWeightsError(f"{path} has no weights in it.", WHAT_FILE)
    wrong = [name for name, value in tensors.items() if value.isnan().any()]
    if wrong:
        hint = "Get the file again: nothing can be learned from these."
        raise MissingWeightsError(f"{path} has values that are NaN: {_few(wrong)}.", hint)
    return tensors


def _why_unreadable(error: Exception) -> str:
    said = str(error)
    if "weights_only" in said:
        return "it holds more than tensors"
    if "not fully covered" in said or "central directory" in said:
        return "its end is missing"
    return "it is damaged, or no file of weights"


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(". ") or type(error).__name__
