"""Vision transformers block by block, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from tui_lab.models.frozen import HasFrozenBody
from tui_lab.models.vit import Block, MultiHeadSelfAttention, ViT


class Transformer(Protocol):
    """What is asked of a vision transformer of T tokens of width E: a number of them for the patches, after others."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""

    @property
    def before(self) -> int:
        """Tokens before those of the patches."""

    @property
    def of_class_token(self) -> bool:
        """Whether a class token is classified, the first one; else the mean of the patches' tokens is."""

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """In their order."""

    @property
    def heads(self) -> int:
        """H, of each block."""

    @property
    def patch_filters(self) -> Tensor:
        """(E, C, p, p)."""

    @property
    def positions(self) -> tuple[Tensor, bool] | None:
        """Those of the patches, (P, E), and whether they are learned; None where nothing is added to the tokens."""

    def embed(self, x: Tensor) -> Tensor:
        """Images to the tokens that the first block gets, (B, T, E)."""

    def weights(self, block: nn.Module, tokens: Tensor) -> Tensor:
        """The attention weights of a block for its input, (B, H, T, T)."""

    def gathered(self, tokens: Tensor) -> Tensor:
        """What is classified of the tokens, (B, E)."""

    def classify(self, tokens: Tensor) -> Tensor:
        """Logits (B, classes) from the tokens of any block."""


@dataclass(frozen=True)
class OfViT:
    """The vision transformer by hand."""

    model: ViT

    @property
    def grid(self) -> tuple[int, int]:
        return self.model.grid

    @property
    def before(self) -> int:
        return int(self.of_class_token)

    @property
    def of_class_token(self) -> bool:
        return self.model.class_token is not None

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return list(self.model.blocks)

    @property
    def heads(self) -> int:
        attention = cast(Block, self.model.blocks[0]).attention
        return attention.num_heads if isinstance(attention, MultiHeadSelfAttention) else 1

    @property
    def patch_filters(self) -> Tensor:
        return self.model.patch_filters

    @property
    def positions(self) -> tuple[Tensor, bool] | None:
        position = self.model.position
        return None if position is None else (position[0, self.before :], isinstance(position, nn.Parameter))

    def embed(self, x: Tensor) -> Tensor:
        return self.model.embed(x)

    def weights(self, block: nn.Module, tokens: Tensor) -> Tensor:
        return cast(Block, block).attention_weights(tokens)

    def gathered(self, tokens: Tensor) -> Tensor:
        return tokens[:, 0] if self.of_class_token else tokens.mean(1)

    def classify(self, tokens: Tensor) -> Tensor:
        return self.model.classify(tokens)


def transformer_of(model: nn.Module) -> Transformer | None:
    """How a model is walked through; None where it is no vision transformer, or one of another kind."""
    if isinstance(model, ViT):
        return OfViT(model)
    if isinstance(model, HasFrozenBody):
        from tui_lab.inspections.timm_transformers import of_timm  # timm takes seconds to import: only if it is there

        return of_timm(model)
    return None


@dataclass(frozen=True)
class Stop:
    """Tokens (B, T, E) before the first block (`number` 0), or after that of the number.

    `weights` (B, H, T, T) are those of the block; None before the first, and where nobody asked for them.
    """

    number: int
    tokens: Tensor
    weights: Tensor | None


def stops(transformer: Transformer, x: Tensor, *, with_weights: bool) -> Iterator[Stop]:
    """The forward pass of images x (B, C, H, W), stop by stop, in the mode that the model is in."""
    tokens = transformer.embed(x)
    yield Stop(0, tokens, None)
    for number, block in enumerate(transformer.blocks, start=1):
        weights = transformer.weights(block, tokens) if with_weights else None
        tokens = block(tokens)
        yield Stop(number, tokens, weights)


def rolled_out(means: Sequence[Tensor], start: Tensor) -> list[Tensor]:
    """Attention rollout after each block: start · Â_k ··· Â_1, where Â = (A + I) / 2 with rows that sum to 1.

    Half of what a token becomes is itself, as the sum around the attention in a block has it; the other half is what it
    looks at (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020).

    Args:
        means: A of each block, the mean of its heads' attention weights, (B, T, T).
        start: what is followed back, a row with shares of tokens, (T,).

    Returns:
        (B, T) for each block; rows that sum to 1.
    """
    identity = torch.eye(len(start), device=start.device, dtype=start.dtype)
    mixed = [(mean + identity) / 2 for mean in means]
    found = []
    for last in range(1, len(mixed) + 1):
        row = start.expand(len(mixed[0]), 1, -1)  #             (B, 1, T)
        for one in reversed(mixed[:last]):
            row = row @ (one / one.sum(-1, keepdim=True))  #    (B, 1, T) (B, T, T) -> (B, 1, T)
        found.append(row[:, 0])
    return found
