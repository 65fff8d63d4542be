"""The protocol of the readers and what they share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from disclosures.model import Box
from disclosures.reading.grids import Grid, GridCell, PageText

#: Columns or rows that one cell may cover; a span beyond this is a slip or an attack.
MAX_SPAN: Final = 200


class UnreadableError(Exception):
    """The file cannot be read by this reader. The message is the reason, in Chinese for
    auditors, and says what would help."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reader got out of a document: tables and texts in document order."""

    grids: tuple[Grid, ...] = ()
    texts: tuple[PageText, ...] = ()
    notes: tuple[str, ...] = ()


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


def printed_rows(rows: Iterable[tuple[GridCell, ...]]) -> tuple[tuple[GridCell, ...], ...]:
    """Rows with any print. Tables found by alignment have empty rows between the lines."""
    return tuple(row for row in rows if any(cell.text for cell in row))


def _edges(values: Sequence[float], tolerance: float) -> list[float]:
    """Starts of the clusters of values that lie closer than the tolerance to their start."""
    edges: list[float] = []
    for value in sorted(values):
        if not edges or value - edges[-1] > tolerance:
            edges.append(value)
    return edges


def _index(edges: Sequence[float], value: float) -> int:
    return max(index for index, edge in enumerate(edges) if edge <= value)


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
