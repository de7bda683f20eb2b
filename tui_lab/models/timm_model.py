"""Any image model of timm, pretrained or not, as something to train on this program's batches."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from timm.data import resolve_model_data_config
from timm.models import group_parameters
from timm.optim import param_groups_layer_decay
from timm.optim._param_groups import auto_group_layers
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.errors import CheckpointError, UsageError
from tui_lab.models.timm_weights import build_network

DIGEST_BYTES = 16
NO_DROPOUT = "dropout has no effect: more than one layer makes the outputs of this network of its features."


class Scaling(nn.Module):
    """From images (B, C, H, W) in [0, 1], grey or RGB, to what a network was made for: (B, 3, S, S).

    Args:
        config: timm's data config of the network: `input_size`, `interpolation`, `mean` and `std`.
        side: S; 0 = as the config has it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: Mapping[str, Any], side: int = 0) -> None:
        super().__init__()
        self.side = side or int(config["input_size"][-1])
        self.interpolation = "bilinear" if config["interpolation"] == "bilinear" else "bicubic"
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(config[name]).reshape(1, 3, 1, 1), persistent=False)

    def extra_repr(self) -> str:
        values = " ".join(f"{name}={getattr(self, name).flatten().tolist()}" for name in ("mean", "std"))
        return f"{self.side} {self.interpolation} {values}"

    def forward(self, x: Tensor) -> Tensor:
        """RGB, then resized, then scaled."""
        x = x.expand(-1, 3, -1, -1)
        if x.shape[-2:] != (self.side, self.side):
            size = (self.side, self.side)
            x = F.interpolate(x, size, mode=self.interpolation, antialias=True, align_corners=False)
        return (x - self.mean) / self.std


class TimmModel(nn.Module):
    """A network of timm, with the scaling of images that it was made for before it, and a new classifier at its end.

    A batch of images (B, C, H, W) in [0, 1], grey or RGB, becomes RGB, is resized to the network's side S with its
    interpolation and scaled with its mean and standard deviation, all as timm's data config of the network has them:

        (B, C, H, W) → RGB (B, 3, H, W) → resized (B, 3, S, S) → (x - mean) / std → body: features (B, F)
        → dropout → classifier (B, classes)

    What is not trained stays as it is in train mode too: its normalisation keeps its statistics, and nothing is dropped
    in it.

    Args:
        input_shape: of one image, (C, H, W), with one channel or three.
        classes: outputs.
        model: timm's name, such as "vit_base_patch16_224", or with a tag, "vit_base_patch16_224.augreg_in21k".
        pretrained: begin with pretrained weights. On the meta device, whose tensors have no values, they are left out.
        weights: a file with them, .safetensors, .pth or whatever else timm reads; "" = those of timm's hub.
        trainable: "head", the classifier alone; "last-N", also the last N blocks and what comes after them; "all".
        image_size: S; 0 = what the network was made for.
        dropout: probability of dropping a feature before the classifier.

    Attributes:
        network: timm's.
        scaling: what stands before it.
        notes: sentences for whoever starts a run: on what was done to the weights, and what has no effect.
        body_key: see `HasFrozenBody`.
        frozen: the names of what the state dict leaves out.
        trial_samples: so many are enough to try out how the model computes fastest.
        evaluation_batch_size: images that are evaluated at once. More of 224×224 gain nothing, and take gigabytes.

    The state dict holds what is trained, and a digest of the rest: frozen weights are in their file already.

    Raises:
        UsageError: no such model, or one that cannot be built so, or fewer blocks than `trainable` asks for.
        MissingWeightsError: weights that are not there, or do not fit.
    """

    trial_samples = 2
    evaluation_batch_size = 64
    body_digest: Tensor | None

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        model: str,
        pretrained: bool = True,
        weights: str = "",
        trainable: str = "head",
        image_size: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        has_values = torch.get_default_device().type != "meta"
        built = build_network(model, classes, pretrained and has_values, weights, image_size)
        self.network: Any = built[0]
        self.scaling = Scaling(resolve_model_data_config(self.network), image_size)
        self.dropout = nn.Dropout(dropout)
        self.notes = (*built[1], *((NO_DROPOUT,) if dropout and not self._is_split else ()))
        self.trainable = trainable
        _freeze(self.network, model, trainable)
        self._frozen_modules = list(_outermost_frozen(self.network))
        self.frozen = self._frozen_names()
        self.body_key: str | None = None
        digest = self._digest_of_frozen() if self.frozen and has_values else None
        if digest is not None and trainable == "head" and self._is_split:
            self.body_key = self._body_key(model, digest.hex())
        self.register_buffer("body_digest", None if digest is None else torch.frombuffer(digest, dtype=torch.uint8))
        self.register_state_dict_post_hook(_leave_out_frozen)  # type: ignore[no-untyped-call]
        self.train()

    @property
    def _is_split(self) -> bool:
        """Whether one layer makes the outputs of the features (B, F).

        Distilled networks average the outputs of two, and with some others what timm calls the classifier also pools.
        """
        return isinstance(self.network.get_classifier(), nn.Linear | nn.Conv2d)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes), of images (B, C, H, W) or of their `features` (B, F)."""
        if not self._is_split:
            logits: Tensor = self.network(self.scaled(x))
            return logits
        features = x if x.dim() == 2 else self.features(x)
        with _without_autocast(x.device.type):  # so small a product gains nothing from bf16
            classifier, kept = self.network.get_classifier(), self.dropout(features)
            if isinstance(classifier, nn.Conv2d):  # of images of one pixel, which is the same
                kept = kept[:, :, None, None]
            classified: Tensor = classifier(kept)
        return classified.flatten(1)

    def features(self, x: Tensor) -> Tensor:
        """What the classifier gets of images (B, C, H, W): float32 (B, F)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trainable != "head"):
            body = self.network.forward_features(self.scaled(x))
            pooled: Tensor = self.network.forward_head(body, pre_logits=True)
        return pooled.float()

    def scaled(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] as the network takes them, (B, 3, S, S)."""
        scaled: Tensor = self.scaling(x)
        return scaled

    def train(self, mode: bool = True) -> TimmModel:
        """As a module's, but what is frozen stays in eval mode."""
        super().train(mode)
        for module in self._frozen_modules:
            module.eval()
        return self

    def layer_groups(self, weight_decay: float, layer_decay: float) -> list[dict[str, Any]]:
        """timm's parameter groups for a learning rate that falls with the distance of a layer from the outputs.

        Each has its `lr_scale`: 1 for the classifier, `layer_decay` times less for each layer before it. As timm has
        it, biases, norms and what the network names besides do not decay.
        """
        exempt: set[str] = self.network.no_weight_decay() if hasattr(self.network, "no_weight_decay") else set()
        groups: list[dict[str, Any]] = param_groups_layer_decay(
            self.network, weight_decay, exempt, layer_decay=layer_decay
        )
        return groups

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take in the state dict of a model of the same arguments.

        Raises CheckpointError where the frozen weights were others.
        """
        digest = state_dict.get("body_digest")
        own = self.body_digest
        if strict and digest is not None and own is not None and not torch.equal(digest.cpu(), own.cpu()):
            changed = "The pretrained weights are not those that this was trained on."
            raise CheckpointError(changed, "Put back the file of `weights`.")
        result = super().load_state_dict(state_dict, strict=False, assign=assign)
        missing = [name for name in result.missing_keys if name not in self.frozen]
        if strict and (missing or result.unexpected_keys):
            wrong = ", ".join([*missing, *result.unexpected_keys][:3])
            raise CheckpointError(f"The weights are not those of such a model: {wrong}.")
        return result

    def _frozen_names(self) -> frozenset[str]:
        """Parameters that are not trained, and the buffers of the modules that have only such, or none."""
        names = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        if not names:
            return frozenset()
        for prefix, module in self.network.named_modules(prefix="network"):
            if not any(parameter.requires_grad for parameter in module.parameters(recurse=False)):
                names |= {f"{prefix}.{name}" for name, _ in module.named_buffers(recurse=False)}
        return frozenset(names)

    def _digest_of_frozen(self) -> bytearray:
        """Before anything is left out of the state dict."""
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for name, tensor in sorted(self.state_dict().items()):
            if name in self.frozen:
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().data)
        return bytearray(digest.digest())

    def _body_key(self, model: str, digest: str) -> str:
        return f"{model} timm {importlib.metadata.version('timm')} {self.scaling} {digest}"


def _without_autocast(device: str) -> AbstractContextManager[Any]:
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)


def _leave_out_frozen(model: Any, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    """What is frozen lies in its own file: a checkpoint of a head takes kilobytes, not the 350 MB of its body."""
    for name in model.frozen:
        state.pop(prefix + name, None)


def layers_of(network: Any) -> list[list[str]]:
    """Names of the parameters of a network's body, in timm's groups: the stem, each block, and what comes after them.

    The last group, often empty, holds what stands between the last block and the classifier and belongs to neither;
    the classifier is in none.
    """
    if hasattr(network, "group_matcher"):
        groups = group_parameters(network, network.group_matcher(coarse=False))
        layers = [list(groups[i]) for i in sorted(groups)]
    else:
        layers = _gathered(auto_group_layers(network))
    classifier = set(classifier_names(network))
    ends_with_classifier = bool(classifier & set(layers[-1]))
    body = [[name for name in layer if name not in classifier] for layer in layers]
    return body if ends_with_classifier else [*body, []]


def blocks_in(network: Any) -> int:
    """Blocks that `trainable = last-N` can name: all groups of timm's between the stem and the head."""
    return max(0, len(layers_of(network)) - 2)


def classifier_names(network: Any) -> list[str]:
    """Names of the parameters of the classifier, or of both of a distilled network."""
    found = network.get_classifier()
    modules = found if isinstance(found, tuple | list) else [found]
    of_classifier = {id(parameter) for module in modules for parameter in module.parameters()}
    return [name for name, parameter in network.named_parameters() if id(parameter) in of_classifier]


def _gathered(layer_of: Mapping[str, int]) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for name, layer in layer_of.items():
        layers[layer].append(name)
    return layers


def _freeze(network: nn.Module, model: str, trainable: str) -> None:
    """Leave trainable what `trainable` names."""
    if trainable == "all":
        return
    trained = set(classifier_names(network))
    if match := re.fullmatch(r"last-(\d+)", trainable):
        count, layers = int(match[1]), layers_of(network)
        blocks = max(0, len(layers) - 2)
        if count > blocks:
            raise UsageError(f"trainable = {trainable}: {model} has {blocks} blocks.", "all trains everything.")
        trained.update(name for layer in layers[-1 - count :] for name in layer)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in trained)


def _outermost_frozen(module: nn.Module) -> Iterator[nn.Module]:
    """The largest parts of a network in which nothing is trained, where not all of it is.

    What has no parameters, a dropout for one, is frozen beside what is.
    """
    are_trained = [parameter.requires_grad for parameter in module.parameters()]
    if not any(are_trained):
        yield module
    elif not all(are_trained):
        for child in module.children():
            yield from _outermost_frozen(child)
