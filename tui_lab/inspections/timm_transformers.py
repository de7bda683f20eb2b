"""timm's vision transformers block by block. Apart, because importing timm takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from timm.layers import Attention
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from tui_lab.models.timm_model import TimmModel
from tui_lab.models.vit import attention_weights


@dataclass(frozen=True)
class OfTimm:
    """One of timm's plain vision transformers, with blocks that normalise first and look at every token.

    A `tui_lab.inspections.transformers.Transformer`.
    """

    model: TimmModel

    @property
    def network(self) -> Any:
        return self.model.network

    @property
    def grid(self) -> tuple[int, int]:
        rows, columns = self.network.patch_embed.grid_size
        return rows, columns

    @property
    def before(self) -> int:
        return int(self.network.num_prefix_tokens)

    @property
    def of_class_token(self) -> bool:
        return bool(self.network.global_pool == "token")

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return list(self.network.blocks)

    @property
    def heads(self) -> int:
        return int(self.network.blocks[0].attn.num_heads)

    @property
    def patch_filters(self) -> Tensor:
        return cast(Tensor, self.network.patch_embed.proj.weight)

    @property
    def positions(self) -> tuple[Tensor, bool] | None:
        position = self.network.pos_embed
        rows, columns = self.grid
        return None if position is None else (position[0, -rows * columns :], isinstance(position, nn.Parameter))

    def embed(self, x: Tensor) -> Tensor:
        network = self.network
        tokens: Tensor = network.norm_pre(
            network.patch_drop(network._pos_embed(network.patch_embed(self.model.scaled(x))))
        )
        return tokens

    def weights(self, block: nn.Module, tokens: Tensor) -> Tensor:
        norm, attention = cast(nn.Module, block.norm1), cast(Attention, block.attn)
        B, T, _ = tokens.shape
        qkv = attention.qkv(norm(tokens)).reshape(B, T, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k, _ = qkv.unbind(0)
        return attention_weights(attention.q_norm(q), attention.k_norm(k))

    def gathered(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.network.pool(tokens))

    def classify(self, tokens: Tensor) -> Tensor:
        normed, network = self.network.norm(tokens), self.network
        if isinstance(network.get_classifier(), nn.Module):
            return cast(Tensor, self.model(network.forward_head(normed, pre_logits=True).float()))
        return cast(Tensor, network.forward_head(normed))


def of_timm(model: nn.Module) -> OfTimm | None:
    """How a model of timm is walked through; None where it is no such vision transformer."""
    return OfTimm(model) if isinstance(model, TimmModel) and _is_plain(model.network) else None


def _is_plain(network: nn.Module) -> bool:
    return (
        isinstance(network, VisionTransformer)
        and network.attn_pool is None
        and network.global_pool in ("token", "avg")
        and all(type(block) is Block and type(block.attn) is Attention for block in network.blocks)
    )
