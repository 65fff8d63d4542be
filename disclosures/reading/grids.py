"""What every table reader yields: cells in rows, before anybody knows which form they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from disclosures.model import Box


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell. ``text`` keeps line breaks as printed; a cell covered by a merge is empty.

    In a workbook a cell may show something else than the figure that it holds, as a date or
    "12.5万": ``text`` is the figure then, and ``shown`` what is seen.
    """

    text: str
    bbox: Box | None = None
    shown: str | None = None

    @property
    def printed(self) -> str:
        """What the cell shows."""
        return self.text if self.shown is None else self.shown


@dataclass(frozen=True, slots=True)
class Grid:
    """One table on one page as one reader saw it. Rows may differ in length."""

    reader: str
    page: int | None
    rows: tuple[tuple[GridCell, ...], ...]
    bbox: Box | None = None
    sheet: str | None = None


def as_shown(grid: Grid) -> Grid:
    """A grid whose cells have for text what they show."""
    if all(cell.shown is None for row in grid.rows for cell in row):
        return grid
    rows = tuple(tuple(GridCell(cell.printed, cell.bbox) for cell in row) for row in grid.rows)
    return replace(grid, rows=rows)


def without_empty_columns(
    rows: tuple[tuple[GridCell, ...], ...],
) -> tuple[tuple[GridCell, ...], ...]:
    """Rows without the columns in which no cell has text: where every cell is merged over two,
    the second shows nothing."""
    filled = {number for row in rows for number, cell in enumerate(row) if cell.printed}
    if len(filled) == max(map(len, rows), default=0):
        return rows
    return tuple(tuple(cell for number, cell in enumerate(row) if number in filled) for row in rows)


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page, lines as printed. ``page`` counts from 1.

    ``shift`` is how far right and down boxes must be moved, in points, that were measured as if
    the visible page began at the origin of the file's coordinates. ``ruled`` is false where
    nothing is drawn that could be the lines of a table.
    """

    page: int | None
    text: str
    shift: tuple[float, float] = (0.0, 0.0)
    ruled: bool = True


@dataclass(frozen=True, slots=True)
class Glyph:
    """One letter on the page as displayed, in points; ``y`` is its baseline, counted from the
    top, ``size`` the width of an em."""

    text: str
    x0: float
    x1: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class PageGlyphs:
    """All letters of one page, in any order. ``page`` counts from 1."""

    page: int
    glyphs: tuple[Glyph, ...]
