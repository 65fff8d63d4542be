"""First table reader of PDFs: tablers, on PDFium."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import tablers
from tablers import TfSettings

from disclosures.model import Box
from disclosures.reading.grids import Grid, GridCell
from disclosures.reading.readers.base import Extraction, UnreadableError, place_cells


class TablersReader:
    """Tables by PDFium's lines and characters; a few milliseconds a page."""

    version: Final = tablers.__version__
    stack: Final = "pdfium"

    name: Final = "tablers"

    def __init__(self) -> None:
        self._settings = TfSettings(
            vertical_strategy="lines_strict",
            horizontal_strategy="lines_strict",
            # Thin glyphs (一 、) have boxes far from their neighbours' and would be sorted into
            # lines of their own; the file draws the letters of a cell in order.
            text_use_text_flow=True,
        )

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        grids: list[Grid] = []
        notes: list[str] = []
        try:
            document = tablers.Document(path)
        except (RuntimeError, ValueError, OSError) as error:
            raise UnreadableError(f"tablers无法打开文件：{error}") from error
        with document:
            for number in sorted(range(1, document.page_count + 1) if pages is None else pages):
                try:
                    page = document.get_page(number - 1)
                    tables = tablers.find_tables(
                        page, extract_text=True, tf_settings=self._settings
                    )
                except (RuntimeError, IndexError) as error:
                    notes.append(f"tablers无法读取第{number}页：{error}")
                    continue
                turn = int(page.rotation_degrees) % 360
                grids += [
                    self._grid(table, number, turn, page.width, page.height) for table in tables
                ]
                page.clear_cache()
        grids.sort(key=lambda grid: (grid.page or 0, *(grid.bbox or (0.0, 0.0))[1::-1]))
        return Extraction(grids=tuple(grids), notes=tuple(notes))

    def _grid(
        self, table: tablers.tablers.Table, page: int, turn: int, width: float, height: float
    ) -> Grid:
        if turn == 0:
            rows = tuple(
                tuple(
                    GridCell("") if cell is None else GridCell(cell.text, cell.bbox)
                    for cell in row.cells
                )
                for row in table.rows
            )
            return Grid(self.name, page, rows, table.bbox)
        # Boxes of a turned page (wide tables on portrait paper) are those of the page before it
        # is turned, so rows and columns are exchanged there.
        cells = [(cell.text, displayed(cell.bbox, turn, width, height)) for cell in table.cells]
        return Grid(self.name, page, place_cells(cells), displayed(table.bbox, turn, width, height))


def displayed(box: Box, turn: int, width: float, height: float) -> Box:
    """A box of the unturned page on the page as displayed.

    ``turn`` is the page's clockwise rotation in degrees; ``width`` and ``height`` are those of
    the displayed page in points.
    """
    x0, top, x1, bottom = box
    match turn:
        case 90:
            return (width - bottom, x0, width - top, x1)
        case 180:
            return (width - x1, height - bottom, width - x0, height - top)
        case 270:
            return (top, height - x1, bottom, height - x0)
        case _:
            return box
