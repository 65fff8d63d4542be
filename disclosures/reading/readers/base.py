"""The protocol of the readers and what they share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final, Protocol

from disclosures.model import Box
from disclosures.reading.grids import Glyph, Grid, GridCell, PageText

#: Columns or rows that one cell may cover; a span beyond this is a slip or an attack.
MAX_SPAN: Final = 200


class UnreadableError(Exception):
    """The file cannot be read by this reader. The message is the reason, in Chinese for
    auditors, and says what would help."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reader got out of a document: tables and texts in document order.

    ``blocks`` are, for formats without pages, lines of text and tables with theirs as they follow
    each other.
    """

    grids: tuple[Grid, ...] = ()
    texts: tuple[PageText, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: tuple[tuple[str, Grid | None], ...] = ()


class Reader(Protocol):
    """One way into a document.

    ``stack`` names the parser below: two readers are independent when their stacks differ.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def stack(self) -> str: ...

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        """Read the pages (counted from 1; None = all; without meaning for unpaged formats).

        Raises:
            UnreadableError: nothing can be read, with the reason.
        """


# Cells of one column may start up to this far apart (points) when rulings were drawn cell by
# cell; the narrowest money column seen is 25 points wide.
_EDGE_TOLERANCE_PT = 3.0


def place_cells(
    cells: Sequence[tuple[str, Box]], tolerance_pt: float = _EDGE_TOLERANCE_PT
) -> tuple[tuple[GridCell, ...], ...]:
    """Put cells into rows and columns by their top left corners.

    Every row gets as many cells as the table has columns; a position that is covered by a
    merge, or where the table has no cell, is an empty cell without a box.
    """
    lefts = _edges([box[0] for _, box in cells], tolerance_pt)
    tops = _edges([box[1] for _, box in cells], tolerance_pt)
    rows = [[GridCell("") for _ in lefts] for _ in tops]
    for text, box in cells:
        row, column = _index(tops, box[1]), _index(lefts, box[0])
        if rows[row][column].bbox is None:
            rows[row][column] = GridCell(text, box)
        elif text:
            # Rulings drawn twice make two cells of one; neither's text may vanish.
            first = rows[row][column]
            rows[row][column] = GridCell("\n".join(filter(None, (first.text, text))), first.bbox)
    return tuple(tuple(row) for row in rows)


def moved(grid: Grid, right: float, down: float) -> Grid:
    """A grid with all its boxes elsewhere, by points."""

    def there(box: Box | None) -> Box | None:
        return box and (box[0] + right, box[1] + down, box[2] + right, box[3] + down)

    rows = tuple(tuple(GridCell(c.text, there(c.bbox)) for c in row) for row in grid.rows)
    return replace(grid, rows=rows, bbox=there(grid.bbox))


def with_true_sizes(glyphs: Sequence[Glyph]) -> tuple[Glyph, ...]:
    """The letters of a page with sizes as displayed.

    Files scale fonts of size 1 by their text matrix, which the libraries leave out; a Chinese
    letter is one em wide.
    """
    shares = [
        (glyph.x1 - glyph.x0) / glyph.size
        for glyph in glyphs
        if "\u4e00" <= glyph.text[:1] <= "\u9fff" and glyph.size > 0
    ]
    share = median(shares) if shares else 1.0
    if 0.8 < share < 1.25 or share <= 0:
        return tuple(glyphs)
    return tuple(replace(glyph, size=glyph.size * share) for glyph in glyphs)


def _edges(values: Sequence[float], tolerance: float) -> list[float]:
    """Starts of the clusters of values that lie closer than the tolerance to their start."""
    edges: list[float] = []
    for value in sorted(values):
        if not edges or value - edges[-1] > tolerance:
            edges.append(value)
    return edges


def _index(edges: Sequence[float], value: float) -> int:
    return bisect_right(edges, value) - 1


class Captions:
    """The short lines above a table, as rows of one cell: title, form number, unit.

    Formats without pages keep them outside the table; a spreadsheet keeps them inside, so a
    grid that starts with them looks the same for every format.
    """

    _MAX_LINES = 6
    _MAX_CHARS = 60

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Take note of a line; a long one is prose and starts over."""
        if len(line) > self._MAX_CHARS:
            self._lines.clear()
        elif line:
            self._lines = [*self._lines, line][-self._MAX_LINES :]

    def take(self) -> tuple[tuple[GridCell, ...], ...]:
        rows = tuple((GridCell(line),) for line in self._lines)
        self._lines.clear()
        return rows
