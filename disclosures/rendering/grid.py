"""Where the cells of a table with spans come to stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from disclosures.rendering.tables import Cell, Row


def placed(rows: Iterable[Row]) -> Iterator[tuple[int, int, Cell]]:
    """``(row, column, cell)`` for every cell, counting from 0, spans taken into account."""
    taken: set[tuple[int, int]] = set()
    for offset, row in enumerate(rows):
        column = 0
        for cell in row:
            while (offset, column) in taken:
                column += 1
            taken |= {
                (offset + below, column + beside)
                for below in range(cell.rowspan)
                for beside in range(cell.colspan)
            }
            yield offset, column, cell
            column += cell.colspan
