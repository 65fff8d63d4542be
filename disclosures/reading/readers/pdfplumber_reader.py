"""Third table reader of PDFs: pdfplumber, on pdfminer. It is slow and decides disputes."""

from __future__ import annotations

import logging
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Final

from disclosures.reading.grids import Grid, GridCell
from disclosures.reading.readers.base import Extraction, UnreadableError


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
            raise UnreadableError(f"pdfplumber cannot open the file: {error!r}") from error
        with document:
            for number in sorted(pages or range(1, len(document.pages) + 1)):
                if number > len(document.pages):
                    notes.append(f"pdfplumber sees no page {number}")
                    continue
                page = document.pages[number - 1]
                try:
                    tables = [
                        (table, table.extract(use_text_flow=True)) for table in page.find_tables()
                    ]
                # pdfminer raises errors of any type on malformed pages (KeyError, TypeError,
                # struct.error, …); the page is reported and the others are read.
                except Exception as error:
                    notes.append(f"pdfplumber cannot read page {number}: {error!r}"[:300])
                    continue
                for table, texts in tables:
                    rows = tuple(
                        tuple(
                            GridCell((text or "").strip(), cell) if cell else GridCell("")
                            for cell, text in zip(row.cells, line, strict=True)
                        )
                        for row, line in zip(table.rows, texts, strict=True)
                    )
                    grids.append(Grid(self.name, number, rows, table.bbox))
                page.close()
        grids.sort(key=lambda grid: (grid.page or 0, *(grid.bbox or (0.0, 0.0))[1::-1]))
        return Extraction(grids=tuple(grids), notes=tuple(notes))
