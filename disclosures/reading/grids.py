"""What every table reader yields: cells in rows, before anybody knows which form they are."""

from __future__ import annotations

from dataclasses import dataclass

from disclosures.model import Box


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell. ``text`` keeps line breaks as printed; a cell covered by a merge is empty."""

    text: str
    bbox: Box | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """One table on one page as one reader saw it. Rows may differ in length."""

    reader: str
    page: int | None
    rows: tuple[tuple[GridCell, ...], ...]
    bbox: Box | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page, lines as printed. ``page`` counts from 1."""

    page: int | None
    text: str
