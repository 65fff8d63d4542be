"""Word documents by python-docx: paragraphs and tables in their order."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.packages import demand_sound
from disclosures.reading.readers.base import MAX_SPAN, Captions, Extraction, UnreadableError

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table

_WORD: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BOX: Final = f"{_WORD}txbxContent"
_LETTERS: Final = f"{_WORD}t"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


class DocxReader:
    """Each table becomes a grid, headed by the paragraphs that stand right above it (title,
    form number, department, unit). Word stores no pages, so ``page`` is None."""

    name: Final = "python-docx"
    version: Final = version("python-docx")
    stack: Final = "python-docx"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        import docx
        from docx.opc.exceptions import PackageNotFoundError
        from docx.table import Table
        from lxml.etree import XMLSyntaxError

        demand_sound(path)
        try:
            document = docx.Document(str(path))
        except (
            PackageNotFoundError,
            XMLSyntaxError,
            zlib.error,
            NotImplementedError,  # from zipfile: a compression or version that it does not know
            KeyError,
            ValueError,
            OSError,
        ) as error:
            raise UnreadableError(
                f"文档无法打开（{error}），请用 Word 打开并另存后再读取"
            ) from error
        grids: list[Grid] = []
        lines: list[str] = []
        blocks: list[tuple[str, Grid | None]] = []
        captions = Captions()
        for block in _blocks(document):
            if not isinstance(block, Table):
                text = block.strip()
                lines.append(text)
                blocks.append((text, None))
                captions.add(text)
                continue
            for rows in _tables(block):
                grids.append(Grid(self.name, None, (*captions.take(), *rows)))
                shown = ["\t".join(c.text.replace("\n", "") for c in row).rstrip() for row in rows]
                lines += shown
                blocks.append(("\n".join(shown), grids[-1]))
        texts = (PageText(None, "\n".join(lines)),)
        return Extraction(tuple(grids), texts, blocks=tuple(blocks))


def _blocks(document: Document) -> Iterator[str | Table]:
    """Paragraphs and tables in their order; those of a text box behind the paragraph that it
    hangs on."""
    from docx.table import Table

    for block in document.iter_inner_content():
        yield block if isinstance(block, Table) else str(block.text)
        if isinstance(block, Table):
            continue
        for box in block._p.iter(_BOX):
            # The fallback repeats a box for old programs; a box in a box comes with the outer one.
            if any(parent.tag in (_FALLBACK, _BOX) for parent in box.iterancestors()):
                continue
            for element in box:
                if element.tag.endswith("}tbl"):
                    yield Table(cast(Any, element), document._body)
                else:
                    yield "".join(t.text or "" for t in element.iter(_LETTERS))


def _tables(table: object) -> list[tuple[tuple[GridCell, ...], ...]]:
    """The rows of a table, then those of the tables inside its cells."""
    from docx.table import Table, _Cell

    assert isinstance(table, Table)
    rows: list[tuple[GridCell, ...]] = []
    nested: list[tuple[tuple[GridCell, ...], ...]] = []
    for row in table.rows:
        line = [GridCell("")] * min(row.grid_cols_before, MAX_SPAN)
        # row.cells repeats merged cells and takes quadratic time; the elements do not.
        for element in row._tr.tc_lst:
            continued = element.vMerge == "continue"
            cell = _Cell(element, table)
            line.append(GridCell("" if continued else str(cell.text).strip()))
            line += [GridCell("")] * (min(element.grid_span, MAX_SPAN) - 1)
            for inner in cell.tables:
                nested += _tables(inner)
        rows.append(tuple(line))
    return [tuple(rows), *nested]
