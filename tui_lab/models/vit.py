"""The vision transformer by hand: attention, blocks and the whole network on torch's linear algebra.

To be read from top to bottom, and to be run: `python -m tui_lab.models.vit` trains one on the digits.

After "Attention Is All You Need" (Vaswani et al., 2017) and "An Image is Worth 16x16 Words" (Dosovitskiy et al., 2021).
In the shapes,

    B  images of a batch                  E  width of a token (embed_dim)
    P  patches of an image                H  heads
    T  tokens: P, and one more            D  width of a head, E/H
       where there is a class token       F  width of the MLP between its two layers
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.data.digits import load_digits

AttentionKind = Literal["by-hand", "fused"]


# ---------------------------------------------------------------------------------------------------------- attention


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """How much each token looks at each other one: softmax(q kᵀ / √D), rows that sum to 1.

    The scores are sums of D products, whose variance grows with D: divided by √D they keep it, and the softmax does not
    saturate.

    Args:
        q, k: (..., T, D), what each token asks for and what it offers.
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)  # q kᵀ / √D       (..., T, D) (..., D, T) -> (..., T, T)
    return torch.softmax(scores, dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, kind: AttentionKind = "by-hand") -> Tensor:
    """Attention(q, k, v) = softmax(q kᵀ / √D) v: for each token, a mean of what the tokens it looks at have to say.

    Args:
        q, k, v: (..., T, D).
        kind: the two lines of the formula, or torch's one kernel for them, which never has the T×T weights in memory.
            With few tokens on a CPU the two lines are faster.
    """
    if kind == "fused":
        return F.scaled_dot_product_attention(q, k, v)
    return attention_weights(q, k) @ v  #                                       (..., T, T) (..., T, D) -> (..., T, D)


class SelfAttention(nn.Module):
    """Self-attention with one head: every token asks all tokens, itself included.

        q = x W_qᵀ + b_q    k = x W_kᵀ + b_k    v = x W_vᵀ + b_v
        y = Attention(q, k, v) W_oᵀ + b_o

    Args:
        embed_dim: E.
        kind: see `attend`.

    Input (B, T, E). Output the same, or (B, asking, E) where only the first `asking` tokens ask, of all as ever.
    """

    def __init__(self, embed_dim: int, kind: AttentionKind = "by-hand") -> None:
        super().__init__()
        self.kind: AttentionKind = kind
        self.q = nn.Linear(embed_dim, embed_dim)
        self.k = nn.Linear(embed_dim, embed_dim)
        self.v = nn.Linear(embed_dim, embed_dim)
        self.projection = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Tensor, asking: int | None = None) -> Tensor:
        y = attend(self.q(x)[:, :asking], self.k(x), self.v(x), self.kind)  #   (B, T, E)
        projected: Tensor = self.projection(y)
        return projected

    def weights(self, x: Tensor) -> Tensor:
        """The attention weights for the same input, (B, 1, T, T)."""
        return attention_weights(self.q(x), self.k(x)).unsqueeze(1)


class MultiHeadSelfAttention(nn.Module):
    """Self-attention with H heads: each has a slice of D = E/H of the width to itself, and its own weights.

        head_i = Attention(x W_q,iᵀ + b_q,i,  x W_k,iᵀ + b_k,i,  x W_v,iᵀ + b_v,i)
        y = Concat(head_1, ..., head_H) W_oᵀ + b_o

    W_q, W_k and W_v of all heads lie in one matrix (3E, E), because one large product is faster than 3H small ones.

    Args:
        embed_dim: E.
        num_heads: H; divides E.
        kind: see `attend`.

    Input (B, T, E). Output the same, or (B, asking, E) where only the first `asking` tokens ask, of all as ever.
    Raises ValueError where H does not divide E.
    """

    def __init__(self, embed_dim: int, num_heads: int, kind: AttentionKind = "by-hand") -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide a width of {embed_dim}")
        self.kind: AttentionKind = kind
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim)
        self.projection = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Tensor, asking: int | None = None) -> Tensor:
        q, k, v = self._heads_of(x)
        heads = attend(q[:, :, :asking], k, v, self.kind)  #                    (B, H, T, D)
        y = heads.transpose(1, 2).flatten(2)  # Concat                          (B, T, H, D) -> (B, T, E)
        projected: Tensor = self.projection(y)
        return projected

    def weights(self, x: Tensor) -> Tensor:
        """The attention weights for the same input, (B, H, T, T)."""
        q, k, _ = self._heads_of(x)
        return attention_weights(q, k)

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k and v of every head, (B, H, T, D) each."""
        B, T, E = x.shape
        H = self.num_heads
        qkv = self.qkv(x).view(B, T, 3, H, E // H).permute(2, 0, 3, 1, 4)  #    (B, T, 3E) -> (3, B, H, T, D)
        q, k, v = qkv.unbind(0)
        return q, k, v


# -------------------------------------------------------------------------------------------------------------- block


class TokenMLP(nn.Module):
    """Two dense layers on each token by itself: y = W_2 GELU(W_1 x + b_1) + b_2.

    Args:
        embed_dim: E.
        width: F, the units between the two layers.
        dropout: after each of them.

    Input and output (B, T, E).
    """

    def __init__(self, embed_dim: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, width)
        self.fc2 = nn.Linear(width, embed_dim)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.dropout(F.gelu(self.fc1(x)))  #                                (B, T, F)
        y: Tensor = self.dropout(self.fc2(h))  #                                (B, T, E)
        return y


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., 2016): in training, a sample skips with probability `p` what is added to it.

    What is kept is scaled by 1/(1 - p), so that the mean stays the same.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.p  #           (B, 1, 1)
        dropped: Tensor = x * kept / (1 - self.p)
        return dropped


class Block(nn.Module):
    """A transformer block: tokens look at each other, then each thinks by itself; both add to what is there.

        post-norm (Vaswani et al.)         h = LN_1(x + MHSA(x))       y = LN_2(h + MLP(h))
        pre-norm (Dosovitskiy et al.)      h = x + MHSA(LN_1(x))       y = h + MLP(LN_2(h))

    With pre-norm there is a path from the output back to the input on which nothing is scaled, so deep stacks learn
    without warm-up (Xiong et al., "On Layer Normalization in the Transformer Architecture", 2020).

    Args:
        embed_dim: E.
        num_heads: H.
        mlp_width: F.
        norm: "post" or "pre".
        dropout: of what attention and MLP add.
        drop_path: probability that a sample skips what attention, or the MLP, adds.
        kind: see `attend`.

    Input (B, T, E). Output the same, or (B, asking, E): with `asking` the block computes the first tokens only. They
    look at all others nevertheless, so they come out as they would beside them.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        mlp_width: int,
        norm: Literal["post", "pre"] = "post",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        kind: AttentionKind = "by-hand",
    ) -> None:
        super().__init__()
        self.is_pre_norm = norm == "pre"
        self.attention: SelfAttention | MultiHeadSelfAttention = (
            SelfAttention(embed_dim, kind) if num_heads == 1 else MultiHeadSelfAttention(embed_dim, num_heads, kind)
        )
        self.norm1 = nn.LayerNorm(embed_dim)
        self.mlp = TokenMLP(embed_dim, mlp_width, dropout)
        self.norm2 = nn.LayerNorm(embed_dim)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor, asking: int | None = None) -> Tensor:
        y: Tensor
        if self.is_pre_norm:
            seen = self.dropout(self.attention(self.norm1(x), asking))  #         MHSA(LN_1(x))               (B, T, E)
            h = x[:, :asking] + self.drop_path(seen)  #                           x + MHSA(LN_1(x))           (B, T, E)
            y = h + self.drop_path(self.mlp(self.norm2(h)))  #                    h + MLP(LN_2(h))            (B, T, E)
        else:
            seen = self.dropout(self.attention(x, asking))  #                     MHSA(x)                     (B, T, E)
            h = self.norm1(x[:, :asking] + self.drop_path(seen))  #               LN_1(x + MHSA(x))           (B, T, E)
            y = self.norm2(h + self.drop_path(self.mlp(h)))  #                    LN_2(h + MLP(h))            (B, T, E)
        return y

    def attention_weights(self, x: Tensor) -> Tensor:
        """The attention weights for the block's input x, (B, H, T, T)."""
        return self.attention.weights(self.norm1(x) if self.is_pre_norm else x)


# ------------------------------------------------------------------------------------------------------- whole network


def patches_of(x: Tensor, size: int) -> Tensor:
    """Images cut into squares row by row, each of them as one vector: (B, C, H, W) -> (B, P, C·size²)."""
    B, C, height, width = x.shape
    cut = x.reshape(B, C, height // size, size, width // size, size)  #            (B, C, rows, size, columns, size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * size * size)  #     (B, rows · columns, C · size · size)


def sinusoidal_embedding(positions: int, embed_dim: int) -> Tensor:
    """A vector for each position, (positions, embed_dim), made of waves from short to long (Vaswani et al.).

        even j: sin(i / 10000^(j/E))          odd j: cos(i / 10000^((j-1)/E))

    Near positions get similar vectors, and the vector of i + Δ is a rotation of that of i, the same for every i.
    """
    i = torch.arange(positions, dtype=torch.float64).unsqueeze(1)  #            (positions, 1)
    j = torch.arange(embed_dim, dtype=torch.float64)  #                         (E,)
    angle = i / 10000 ** ((j - j % 2) / embed_dim)  #                           (positions, E)
    return torch.where(j % 2 == 0, angle.sin(), angle.cos()).float()


class ViT(nn.Module):
    """The vision transformer: an image as a sequence of patches.

        patches → dense layer: tokens → class token in front → + positions → blocks → LN → dense layer

    With the default, 1×28×28 images and 10 classes: 16 patches of 7×7, 17 tokens of width 32, two blocks of 12,704
    parameters, 27,434 in all.

    Args:
        input_shape: (channels, height, width).
        classes: outputs.
        embed_dim: E, width of a token.
        patch_size: side of the square patches; divides height and width.
        depth: blocks.
        num_heads: H, divides E.
        mlp_ratio: F/E, the width of the MLP in a block over that of a token.
        attention: see `attend`; "auto" leaves it to `use`, and is "by-hand" until then.
        norm: "post" or "pre"; see `Block`.
        position: what tells the tokens where they are: "sinusoidal" (fixed), "learned", or "none", with which the
            network sees a bag of patches.
        class_token: "learned", a token of its own that gathers what is needed to name the class, from ones on;
            "frozen", the same but never trained; "mean-pool", none: the mean of all tokens is classified.
        dropout: after every dense layer but those of q, k and v, and after the positions are added.
        drop_path: stochastic depth of the last block; it grows linearly from 0 in the first.
        softmax_output: end with a softmax, on which the cross-entropy then applies a second one.
        mlp_width_follows_heads: a mistake to study: F = H·E, whatever mlp_ratio says.

    Attributes:
        position: (1, T, E), a parameter, a buffer, or None.
        grid: rows and columns of patches.
        read: tokens that are read at the end: 1, the class token, or None, all of them. The last block computes no
            others, which saves most of it and changes nothing.

    Input (B, C, H, W), output (B, classes). PyTorch's default initialisation; learned positions N(0, 0.02²).
    Raises ValueError where the patches do not tile the image or the heads do not divide the width.
    """

    position: Tensor | None
    class_token: Tensor | None

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        embed_dim: int = 32,
        patch_size: int = 7,
        depth: int = 2,
        num_heads: int = 4,
        mlp_ratio: int = 4,
        attention: Literal["auto", "by-hand", "fused"] = "auto",
        norm: Literal["post", "pre"] = "post",
        position: Literal["sinusoidal", "learned", "none"] = "sinusoidal",
        class_token: Literal["learned", "frozen", "mean-pool"] = "learned",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        softmax_output: bool = False,
        mlp_width_follows_heads: bool = False,
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        if height % patch_size or width % patch_size:
            raise ValueError(f"patches of {patch_size}×{patch_size} do not tile an image of {height}×{width}")
        self.ways = ("by-hand", "fused") if attention == "auto" else ()  # among which a self-test may choose
        kind: AttentionKind = "fused" if attention == "fused" else "by-hand"
        self.grid = (height // patch_size, width // patch_size)
        self.read = None if class_token == "mean-pool" else 1
        tokens = math.prod(self.grid) + (self.read or 0)

        self.patch_size = patch_size
        self.patch_embedding = nn.Linear(channels * patch_size**2, embed_dim)  # of the pixels of each patch
        if class_token == "learned":
            self.class_token = nn.Parameter(torch.ones(1, 1, embed_dim))
        else:
            self.register_buffer("class_token", torch.ones(1, 1, embed_dim) if class_token == "frozen" else None)
        if position == "learned":
            self.position = nn.Parameter(torch.randn(1, tokens, embed_dim) * 0.02)
        else:
            fixed = sinusoidal_embedding(tokens, embed_dim).unsqueeze(0) if position == "sinusoidal" else None
            self.register_buffer("position", fixed, persistent=False)  # a formula need not be saved
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        mlp_width = (num_heads if mlp_width_follows_heads else mlp_ratio) * embed_dim
        self.blocks = nn.ModuleList(
            Block(embed_dim, num_heads, mlp_width, norm, dropout, drop_path * i / max(depth - 1, 1), kind)
            for i in range(depth)
        )
        self.norm = nn.LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, classes)
        self.output = nn.Softmax(dim=1) if softmax_output else nn.Identity()

    @property
    def patch_filters(self) -> Tensor:
        """What each number of a token weighs in the pixels of its patch, (E, C, patch_size, patch_size)."""
        return self.patch_embedding.weight.view(self.head.in_features, -1, self.patch_size, self.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (or probabilities) of shape (B, classes)."""
        *blocks, last = self.blocks
        tokens = self.embed(x)  #                                               (B, T, E)
        for block in blocks:
            tokens = block(tokens)  #                                           (B, T, E)
        tokens = last(tokens, asking=self.read)  #                              (B, 1, E), or (B, T, E)
        y: Tensor = self.output(self.classify(tokens))  #                       (B, classes)
        return y

    def embed(self, x: Tensor) -> Tensor:
        """Images to tokens: patches row by row, behind the class token, with their positions added. (B, T, E)"""
        tokens = self.patch_embedding(patches_of(x, self.patch_size))  #        (B, P, E)
        if self.class_token is not None:
            tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1)  # (B, 1 + P, E)
        if self.position is not None:
            tokens = tokens + self.position  #                                  (B, T, E) + (1, T, E)
        embedded: Tensor = self.dropout(tokens)
        return embedded

    def classify(self, tokens: Tensor) -> Tensor:
        """Logits (B, classes) from the tokens (B, T, E) of any block: from the class token, or the mean of all."""
        gathered = tokens.mean(dim=1) if self.class_token is None else tokens[:, 0]  # (B, E)
        logits: Tensor = self.head(self.norm(gathered))
        return logits

    def use(self, way: str) -> None:
        """Compute attention from now on in one of the `ways`, with the same weights."""
        for block in self.blocks:
            assert isinstance(block, Block)  # what a ModuleList holds, mypy cannot know
            block.attention.kind = "fused" if way == "fused" else "by-hand"


def train_on_digits(epochs: int = 20, batch_size: int = 32, lr: float = 1e-3) -> None:
    """The whole lab in a dozen lines, without the rest of this program: prints the test loss and accuracy."""
    train, test = load_digits()
    model = ViT(input_shape=(1, 8, 8), classes=10, patch_size=2)  # 16 patches
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(train))
        for start in range(0, len(train), batch_size):
            batch = order[start : start + batch_size]
            loss = F.cross_entropy(model(train.x[batch] / 255), train.y[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if epoch % 5 == 0:
            with torch.no_grad():
                logits = model(test.x / 255)
            accuracy = (logits.argmax(1) == test.y).float().mean()
            print(f"epoch {epoch:3}  loss {F.cross_entropy(logits, test.y):.4f}  accuracy {accuracy:.3f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    train_on_digits()
