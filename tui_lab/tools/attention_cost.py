"""`attention-cost`: parameters, work and memory of a vision transformer by the number of its tokens (question 3.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Cell, Chart, Curve, Result, Table, Tool, WithTorch

BYTES = 4  # of a value in float32
LONGEST = 2048  # tokens that curves reach at least
POINTS = 40  # of a curve
MOST_PATCH_SIZES = 12


class AttentionCostInputs(Declared):
    """An image, and the hyperparameters of `vit` that its cost depends on, under their own names."""

    image_side: int = setting(28, "rows and columns of the image", topic="Image", question="3.1", ge=1, le=1024)
    channels: int = setting(1, "of the image", topic="Image", ge=1, le=64)
    classes: int = setting(10, "outputs", topic="Image", ge=2, le=100_000)
    patch_sizes: list[int] = setting(
        [2, 4, 7, 14, 28],
        "sides of patches that are compared; each divides image_side",
        topic="Model",
        question="3.1",
        min_length=1,
        max_length=MOST_PATCH_SIZES,
    )
    embed_dim: int = setting(32, "width of a token; num_heads divides it", topic="Model", ge=1, le=2048)
    depth: int = setting(2, "transformer blocks", topic="Model", ge=1, le=64)
    num_heads: int = setting(4, "heads of self-attention", topic="Model", ge=1, le=128)
    mlp_ratio: int = setting(4, "width of a block's MLP, over that of a token", topic="Model", ge=1, le=64)
    position: Literal["sinusoidal", "learned"] = setting(
        "sinusoidal", "what tells a token where its patch lies", topic="Model"
    )
    class_token: Literal["learned", "frozen", "mean-pool"] = setting(
        "learned", "what is classified: a token of its own, or the mean of all", topic="Model"
    )
    attention: Literal["by-hand", "fused"] = setting(
        "by-hand", "softmax(qkᵀ/√D)v in two lines, or in torch's kernel, which keeps no weights", topic="Model"
    )
    batch_size: int = setting(128, "images that memory is told for", topic="Batch", ge=1, le=65_536)

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        side = self.image_side
        wrong = next((size for size in self.patch_sizes if size < 1 or side % size), None)
        fitting = ", ".join(str(size) for size in range(1, side + 1) if side % size == 0)
        heads = ", ".join(str(h) for h in range(1, min(self.embed_dim, 16) + 1) if self.embed_dim % h == 0)
        refuse_combinations(
            (
                wrong is not None,
                "patch_sizes",
                f"has {wrong}, which does not divide image_side = {side}: {fitting} do",
            ),
            (
                self.embed_dim % self.num_heads > 0,
                "num_heads",
                f"must divide embed_dim = {self.embed_dim}, as {heads} do",
            ),
        )
        return self

    @property
    def costs(self) -> list[Cost]:
        """Of every patch size, the largest first: the fewest tokens."""
        return [self.cost(size) for size in sorted(set(self.patch_sizes), reverse=True)]

    def cost(self, patch_size: int) -> Cost:
        """What patches of this size cost."""
        return Cost(self, patch_size, (self.image_side // patch_size) ** 2 + (self.class_token != "mean-pool"))


@dataclass(frozen=True)
class Cost:
    """What a configuration costs with patches of one size, or with any number of tokens.

    In the formulas T is the number of tokens, E the width of one, F that of the MLP, H the number of heads. They are of
    one block; the last computes the class token only, where there is one, since no other is read after it.
    """

    inputs: AttentionCostInputs
    patch_size: int
    tokens: int

    @property
    def parameters(self) -> int:
        """Weights and biases that are trained."""
        i = self.inputs
        width, hidden = i.embed_dim, i.mlp_ratio * i.embed_dim
        patches = i.channels * self.patch_size**2 * width + width
        positions = self.tokens * width if i.position == "learned" else 0
        class_token = width if i.class_token == "learned" else 0
        norm = 2 * width
        attention = 4 * (width**2 + width)
        mlp = (width * hidden + hidden) + (hidden * width + width)
        head = width * i.classes + i.classes
        return patches + positions + class_token + i.depth * (attention + mlp + 2 * norm) + norm + head

    @property
    def embedding(self) -> int:
        """Multiply-adds of an image for its patches and the classes: P·C·p²·E and E·classes."""
        i = self.inputs
        patches = self.tokens - (i.class_token != "mean-pool")
        return patches * i.channels * self.patch_size**2 * i.embed_dim + i.embed_dim * i.classes

    @property
    def computed(self) -> int:
        """The tokens that all blocks compute together: T each, and 1 in the last where that is the class token."""
        i = self.inputs
        return i.depth * self.tokens if i.class_token == "mean-pool" else (i.depth - 1) * self.tokens + 1

    @property
    def projections(self) -> int:
        """For q, k and v, 3·T·E², and for what follows their attention, T·E²."""
        return (3 * self.inputs.depth * self.tokens + self.computed) * self.inputs.embed_dim**2

    @property
    def mlp(self) -> int:
        """2·T·E·F."""
        i = self.inputs
        return 2 * self.computed * i.embed_dim * (i.mlp_ratio * i.embed_dim)

    @property
    def pairs(self) -> int:
        """For QKᵀ and the weighted mean of V, 2·T²·E. The quadratic part."""
        return 2 * self.computed * self.tokens * self.inputs.embed_dim

    @property
    def multiply_adds(self) -> int:
        """Of one image, forward."""
        return self.embedding + self.projections + self.mlp + self.pairs

    @property
    def share(self) -> float:
        """The quadratic part of all, 0 to 1."""
        return self.pairs / self.multiply_adds

    @property
    def weights_bytes(self) -> int:
        """Of the attention weights of a batch, which the backward pass needs: H·T² values; fused, none."""
        i = self.inputs
        values = i.num_heads * self.computed * self.tokens if i.attention == "by-hand" else 0
        return BYTES * i.batch_size * values

    @property
    def other_bytes(self) -> int:
        """Of all else that the backward pass of a batch needs, about (4·E + 4·E + 2·F)·T values."""
        i = self.inputs
        always = i.depth * self.tokens * 4 * i.embed_dim  # the input of the block, q, k and v
        values = always + self.computed * (4 * i.embed_dim + 2 * i.mlp_ratio * i.embed_dim)
        return BYTES * i.batch_size * values

    @property
    def state_bytes(self) -> int:
        """Of the parameters, their gradients and the two means of Adam."""
        return 4 * BYTES * self.parameters


def calculate(inputs: AttentionCostInputs) -> Result:
    """Parameters, multiply-adds and memory of each patch size, and curves over the number of tokens."""
    rows: list[tuple[Cell, ...]] = [
        (
            cost.patch_size,
            cost.tokens,
            cost.parameters,
            millions(cost.multiply_adds),
            millions(cost.pairs),
            f"{100 * cost.share:.1f} %",
            millions(cost.weights_bytes),
            millions(cost.other_bytes + cost.state_bytes),
        )
        for cost in inputs.costs
    ]
    columns = ("patch", "tokens", "params", "work, M", "QKᵀ, AV", "share", "A, MB", "rest, MB")
    return Result(tuple(_sentences(inputs)), Table(columns, tuple(rows)), _charts(inputs))


def millions(value: float) -> float:
    """In millions, to four digits."""
    return float(f"{value / 1e6:.4g}")


def times(ratio: float) -> str:
    """`9,702 times`, `98.5 times`."""
    return f"{ratio:,.0f} times" if ratio >= 1000 else f"{ratio:.3g} times"


def _sentences(inputs: AttentionCostInputs) -> list[str]:
    few, many = inputs.costs[0], inputs.costs[-1]
    lines = []
    if many.tokens > few.tokens:
        longer = times(many.tokens / few.tokens)
        lines = [
            f"{many.tokens:,} tokens for {few.tokens:,}: {longer} the MLPs, {times(many.pairs / few.pairs)} QKᵀ and AV."
        ]
    half = (2 + inputs.mlp_ratio) * inputs.embed_dim
    kept = ", of which the fused kernel keeps none," if inputs.attention == "fused" else ""
    return [
        *lines,
        f"From {half:,} tokens on, QKᵀ and AV are more than half of a block.",
        f"Work in million multiply-adds of an image, forward; memory of a batch: weights A{kept} and about the rest.",
    ]


def _charts(inputs: AttentionCostInputs) -> tuple[Chart, ...]:
    longest = max(LONGEST, *(cost.tokens for cost in inputs.costs))
    lengths = sorted({round(2 * (longest / 2) ** (i / (POINTS - 1))) for i in range(POINTS)})
    costs = [Cost(inputs, inputs.patch_sizes[0], tokens) for tokens in lengths]
    xs = tuple(map(float, lengths))
    work = (
        Curve("QKᵀ and AV", xs, tuple(float(cost.pairs) for cost in costs)),
        Curve("projections", xs, tuple(float(cost.projections) for cost in costs)),
        Curve("MLPs", xs, tuple(float(cost.mlp) for cost in costs)),
    )
    within = tuple(100 * cost.pairs / (cost.pairs + cost.projections + cost.mlp) for cost in costs)
    kept = [Curve("all but A", xs, tuple(cost.other_bytes / 1e6 for cost in costs))]
    if inputs.attention == "by-hand":
        kept.insert(0, Curve("attention weights A", xs, tuple(cost.weights_bytes / 1e6 for cost in costs)))
    return (
        Chart("Multiply-adds of an image", "tokens", work, y_log=True, x_log=True),
        Chart("QKᵀ and AV, % of the blocks", "tokens", (Curve("share", xs, within),), x_log=True),
        Chart(
            f"Kept for the backward pass, MB, {inputs.batch_size:,} images",
            "tokens",
            tuple(kept),
            y_log=True,
            x_log=True,
        ),
    )


def growth(values: tuple[float, float], lengths: tuple[int, int]) -> float:
    """The power of the length that two values grow with."""
    return math.log(values[1] / values[0]) / math.log(lengths[1] / lengths[0])


TOOL = Tool(
    name="attention-cost",
    lab=3,
    title="The cost of attention",
    text="""\
Every token is compared with every other: *QKᵀ* has *T²* values a head, and the weighted mean *AV* as many products. All
else in a transformer, the projections to q, k and v and the MLPs, works on each token by itself and grows with *T*.

In a block, of *T* tokens of width *E*, with an MLP of *r·E* units:

- projections *4·T·E²*, MLP *2r·T·E²*
- QKᵀ and AV *2·T²·E*

The last block has less to do: only the class token is read after it, so only the class token asks.

**Memory** is more often the limit: written in two lines, the *T²* weights of every head are kept for the backward pass.
A **fused** kernel works them out once more instead, piece by piece, and never has them all.

- Patches of half the side: four times the tokens. How much more work is QKᵀ, and how much more is the whole?
- From how many tokens on is attention more than half of a block? Does a wider `embed_dim` help?
- **Measure**: one training step of each patch size, its time and the most memory that its tensors take.
""",
    inputs=AttentionCostInputs,
    calculate=calculate,
    measure=WithTorch("tui_lab.previews.attention_cost:measured"),
    measuring="train a step of each",
)
