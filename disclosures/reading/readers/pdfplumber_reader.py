"""Third table reader of PDFs: pdfplumber, on pdfminer. It is slow and decides disputes."""

from __future__ import annotations

import logging
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from disclosures.reading.grids import Grid, GridCell
from disclosures.reading.readers.base import Extraction, UnreadableError, moved


class PdfplumberReader:
    """Ruled tables by pdfminer's lines and characters."""

    name: Final = "pdfplumber"
    version: Final = version("pdfplumber")
    stack: Final = "pdfminer"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        import pdfplumber
        from pdfplumber.utils.exceptions import PdfminerException

        # pdfminer warns about every odd font.
        logging.getLogger("pdfminer").setLevel(logging.ERROR)
        grids: list[Grid] = []
        notes: list[str] = []
        try:
            document = pdfplumber.open(path)
        except (PdfminerException, OSError, ValueError) as error:
            raise UnreadableError(f"pdfplumber无法打开文件：{error!r}") from error
        with document:
            for number in sorted(pages or range(1, len(document.pages) + 1)):
                if number > len(document.pages):
                    notes.append(f"pdfplumber没有第{number}页")
                    continue
                page = document.pages[number - 1]
                try:
                    _set_on_baseline(page.chars)
                    tables = [
                        (table, table.extract(use_text_flow=True)) for table in page.find_tables()
                    ]
                # pdfminer raises errors of any type on malformed pages (KeyError, TypeError,
                # struct.error, …); the page is reported and the others are read.
                except Exception as error:
                    notes.append(f"pdfplumber无法读取第{number}页：{error!r}"[:300])
                    continue
                for table, texts in tables:
                    rows = tuple(
                        tuple(
                            GridCell((text or "").strip(), cell) if cell else GridCell("")
                            for cell, text in zip(row.cells, line, strict=True)
                        )
                        for row, line in zip(table.rows, texts, strict=True)
                    )
                    grid = Grid(self.name, number, rows, table.bbox)
                    grids.append(moved(grid, *_shift(page.page_obj)))
                page.close()
        grids.sort(key=lambda grid: (grid.page or 0, *(grid.bbox or (0.0, 0.0))[1::-1]))
        return Extraction(grids=tuple(grids), notes=tuple(notes))


def _shift(page: Any) -> tuple[float, float]:
    """How far right and down boxes lie from where they are on the visible page.

    pdfplumber measures from the corner of the sheet, and leaves the sheet's own origin out of
    some directions.
    """
    x0, y0, x1, y1 = page.mediabox
    left, bottom, right, top = page.cropbox or page.mediabox
    left, bottom, right, top = max(left, x0), max(bottom, y0), min(right, x1), min(top, y1)
    match page.rotate % 360:
        case 90:
            return (-bottom, 2 * x0 - left)
        case 180:
            return (right - x1 - x0, 2 * y0 - bottom)
        case 270:
            return (top - y1 - y0, right - (x1 - x0))
        case _:
            return (-left, top - (y1 - y0))


# Share of a letter's height below the baseline in common CJK fonts.
_DESCENT: Final = 0.15


def _set_on_baseline(chars: list[dict[str, Any]]) -> None:
    """Place letters by where they were set.

    pdfminer places them by the metrics that their font claims, which are wrong in some embedded
    fonts: text then stands a row too low, and punctuation of another font on a line of its own.
    """
    for char in chars:
        if not char["upright"]:
            continue
        lift = char["matrix"][5] - _DESCENT * char["size"] - char["y0"]
        for key in ("y0", "y1"):
            char[key] += lift
        for key in ("top", "bottom", "doctop"):
            char[key] -= lift
