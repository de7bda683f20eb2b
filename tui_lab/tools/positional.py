"""`positional`: sinusoidal position embeddings, how alike positions are, and those that a run has learned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.runs.store import RunStore
from tui_lab.tools.embeddings import learned, reduced, similarities, sinusoidal, wavelength
from tui_lab.tools.tool import Cell, Chart, Curve, Folders, HeatMap, Result, Table, Tool, WithFolders

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_POSITIONS = 2048
MOST_DIMENSIONS = 1024
MOST_COLUMNS, MOST_ROWS = 240, 96  # of a heat map: a terminal shows no more
MOST_SIDE = 80  # of one with all pairs of positions
MOST_WAVES = 4  # rows of the table
SEQUENCE = {"run": ("",), "layout": ("sequence",)}
IMAGE = {"run": ("",), "layout": ("image",)}


class PositionalInputs(Declared):
    layout: Literal["sequence", "image"] = setting(
        "sequence",
        "what the positions are: places in a line, or patches of an image, row by row",
        topic="Positions",
        question="3.6",
        only_if={"run": ("",)},
    )
    positions: int = setting(
        100, "vectors, one for each position", topic="Positions", only_if=SEQUENCE, ge=2, le=MOST_POSITIONS
    )
    image_side: int = setting(28, "rows and columns of the image", topic="Positions", only_if=IMAGE, ge=1, le=1024)
    patch_size: int = setting(
        7, "rows and columns of a patch; divides image_side", topic="Positions", only_if=IMAGE, ge=1, le=1024
    )
    class_token: bool = setting(True, "position 0 belongs to a class token", topic="Positions", only_if=IMAGE)
    embed_dim: int = setting(
        16, "values of each vector", topic="Embedding", only_if={"run": ("",)}, ge=2, le=MOST_DIMENSIONS
    )
    run: str = setting(
        "",
        "a run with learned positions, such as last, to show its own beside these; empty = none",
        topic="Embedding",
    )
    position: int = setting(
        -1, "the one that others are compared with, from 0 on; -1 = in the middle", topic="Similarity", ge=-1
    )

    @property
    def layout_of_all(self) -> Layout:
        """Where the positions are, of inputs without a run."""
        if self.layout == "sequence":
            return Layout(self.positions)
        grid = self.image_side // self.patch_size
        return Layout(grid**2 + self.class_token, grid, self.class_token)

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        side, patch = self.image_side, self.patch_size
        is_image = self.layout == "image" and not self.run
        fitting = ", ".join(str(size) for size in range(1, side + 1) if side % size == 0)
        refuse_combinations(
            (is_image and side % patch > 0, "patch_size", f"must divide image_side = {side}: {fitting} do"),
        )
        tokens = self.layout_of_all.tokens
        refuse_combinations(
            (tokens > MOST_POSITIONS and not self.run, "patch_size", f"makes {tokens:,}: at most {MOST_POSITIONS:,}"),
            (self.position >= tokens and not self.run, "position", f"there are {tokens:,}, from 0 on"),
        )
        return self


@dataclass(frozen=True)
class Layout:
    """Where positions are: in a line, or, with a `grid`, in so many rows of as many patches, row by row, after a class
    token where there is one."""

    tokens: int
    grid: int = 0
    has_class_token: bool = False

    @classmethod
    def of_learned(cls, tokens: int) -> Self:
        """A square of patches where the number allows it: n² + 1 is no square, so a class token can be told."""
        for has_class_token in (False, True):
            grid = math.isqrt(tokens - has_class_token)
            if grid**2 + has_class_token == tokens:
                return cls(tokens, grid, has_class_token)
        return cls(tokens)

    @property
    def middle(self) -> int:
        return self.grid // 2 * (self.grid + 1) + self.has_class_token if self.grid else self.tokens // 2

    def pairs(self, distance: tuple[int, int]) -> list[tuple[int, int]]:
        """All pairs of positions that are (rows, columns) apart; of a line, columns only."""
        down, right = distance
        if not self.grid:
            return [(i, i + right) for i in range(self.tokens - right)]
        apart = down * self.grid + right
        places = (row * self.grid + column for row in range(self.grid - down) for column in range(self.grid - right))
        return [(first, first + apart) for first in (self.has_class_token + place for place in places)]


@dataclass(frozen=True)
class Embedding:
    """Vectors (T, E) with a name, short and long, and the similarities (T, T) of every two."""

    name: str
    title: str
    vectors: NDArray[Any]
    similar: NDArray[Any]

    def mean_similarity(self, pairs: list[tuple[int, int]]) -> float:
        return float(self.similar[tuple(zip(*pairs, strict=True))].mean())


def calculate(inputs: PositionalInputs, folders: Folders) -> Result:
    """Heat maps of the embeddings and of similarities. Raises UsageError for a run without learned positions."""
    if not inputs.run:
        return _result(inputs, inputs.layout_of_all, [_sinusoidal(inputs.layout_of_all, inputs.embed_dim)])
    found = learned(RunStore(folders.home).find(inputs.run))
    tokens, embed_dim = found.embeddings.shape
    if inputs.position >= tokens:
        raise UsageError(f"position = {inputs.position}: run {found.run} has {tokens:,}, from 0 on.")
    layout = Layout.of_learned(tokens)
    own = Embedding("learned", f"Learned by {found.run}", found.embeddings, similarities(found.embeddings))
    return _result(inputs, layout, [_sinusoidal(layout, embed_dim), own])


def _sinusoidal(layout: Layout, embed_dim: int) -> Embedding:
    vectors = sinusoidal(layout.tokens, embed_dim)
    return Embedding("sinusoidal", "Sinusoidal", vectors, similarities(vectors))


def _result(inputs: PositionalInputs, layout: Layout, shown: list[Embedding]) -> Result:
    place = inputs.position if inputs.position >= 0 else layout.middle
    tokens, embed_dim = shown[0].vectors.shape
    heat_maps = [_map_of_vectors(one, layout) for one in shown]
    if layout.grid > 1:
        heat_maps += [_plan(one, layout, place) for one in shown]
    if tokens > 2:
        heat_maps += [_map_of_pairs(one) for one in shown]
    return Result(
        tuple(_sentences(layout, shown)),
        _waves(tokens, embed_dim),
        () if layout.grid or tokens < 2 else (_curves(shown, place),),
        heat_maps=tuple(heat_maps),
    )


def _sentences(layout: Layout, shown: list[Embedding]) -> list[str]:
    embed_dim = shown[0].vectors.shape[1]
    shortest, longest = wavelength(0, embed_dim), wavelength(embed_dim - 1, embed_dim)
    waves = f"waves of {shortest:.3g} to {longest:,.5g} positions"
    lines = [f"{layout.tokens:,} positions of {embed_dim} values: {waves}."]
    for one in shown:
        told = [f"{words} {one.mean_similarity(pairs):.2f}" for words, pairs in _distances(layout) if pairs]
        if told:
            lines.append(f"{one.title}: similarity {', '.join(told)}.")
    return lines


def _distances(layout: Layout) -> list[tuple[str, list[tuple[int, int]]]]:
    """The distances that sentences tell of: in words, and all pairs so far apart."""
    if layout.grid:
        return [("of patches side by side", layout.pairs((0, 1))), ("one below the other", layout.pairs((1, 0)))]
    half = layout.tokens // 2
    return [("of neighbours", layout.pairs((0, 1))), (f"{half} positions apart", layout.pairs((0, half)))]


def _waves(tokens: int, embed_dim: int) -> Table:
    """Some of the waves, from the shortest to the longest."""
    waves = (embed_dim + 1) // 2
    count = min(waves, MOST_WAVES)
    rows: list[tuple[Cell, ...]] = []
    for number in sorted({i * (waves - 1) // max(count - 1, 1) for i in range(count)}):
        both = f"{2 * number} sin" + (f", {2 * number + 1} cos" if 2 * number + 1 < embed_dim else "")
        length = wavelength(2 * number, embed_dim)
        rows.append((both, length, tokens / length))
    return Table(("dimensions", "wavelength", "waves in all"), tuple(rows))


def _map_of_vectors(one: Embedding, layout: Layout) -> HeatMap:
    label = "position, 0 = class token" if layout.has_class_token else "position"
    largest = max(float(abs(one.vectors).max()), 1e-12)
    return _heat_map(f"Embeddings, {one.name}", one.vectors.T, (MOST_ROWS, MOST_COLUMNS), largest, label, "dimension")


def _map_of_pairs(one: Embedding) -> HeatMap:
    title = f"Similarity of every two, {one.name}"
    return _heat_map(title, one.similar, (MOST_SIDE, MOST_SIDE), 1.0, "position", "position", is_plan=True)


def _plan(one: Embedding, layout: Layout, place: int) -> HeatMap:
    """The similarity of every patch with one token, as the patches lie in the image."""
    first = int(layout.has_class_token)
    values = one.similar[place, first:].reshape(layout.grid, layout.grid)
    if place < first:
        said = "the class token"
    else:
        row, column = divmod(place - first, layout.grid)
        said = f"patch {place - first}, row {row}, column {column}"
    title = f"Similarity with {said}, {one.name}"
    return _heat_map(title, values, (MOST_SIDE, MOST_SIDE), 1.0, "column", "row", is_plan=True)


def _heat_map(
    title: str, values: NDArray[Any], most: tuple[int, int], largest: float, x: str, y: str, *, is_plan: bool = False
) -> HeatMap:
    rows, columns = values.shape
    drawn = reduced(values, *most).round(4) + 0.0
    return HeatMap(title, tuple(map(tuple, drawn.tolist())), largest, columns, rows, x, y, is_plan)


def _curves(shown: list[Embedding], place: int) -> Chart:
    xs = tuple(map(float, range(len(shown[0].similar))))
    curves = tuple(Curve(one.name, xs, tuple((one.similar[place].round(4) + 0.0).tolist())) for one in shown)
    return Chart(f"Similarity with position {place}", "position", curves)


TOOL = Tool(
    name="positional",
    lab=3,
    title="Position embeddings",
    text="""\
Attention looks at all tokens alike: shuffled patches would give the same answer. So every position has a vector of its
own, which is added to the token. **Sinusoidal** ones are waves of the position *i*, from short to long:

- in an even dimension *j*: *sin(i / 10000^(j/E))*
- in an odd one: *cos(i / 10000^((j−1)/E))*

A short wave tells neighbours apart, a long one the beginning from the end, as the digits of a number do. **Similarity**
is the cosine of the angle between two vectors: it depends on how far apart positions are, not on where they are.
**Learned** embeddings begin at random, and become what lowers the loss.

In the maps one colour is positive, the other negative. Where waves are shorter than a character, they cancel out.

- 100 positions of 16 values, then 1,000 of 160: what do the additional dimensions tell?
- Which dimensions still change between position 90 and position 100?
- Lay the positions out as an image. Are the patches above and below as similar as those beside?
- Train a vit with `position = learned` and name it as `run`. Has it found the rows and columns?
""",
    inputs=PositionalInputs,
    calculate=WithFolders(calculate),
)
