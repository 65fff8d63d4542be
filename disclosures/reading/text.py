"""Disclosures as plain text: tables with TAB between cells, or flattened altogether."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from disclosures.model import Fact, FormReading
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.names import clean
from disclosures.reading.recognise import Placed, read_placed
from disclosures.reading.sums import unproven
from disclosures.reading.titles import Title, form_of_title, is_table_title

READER: Final = "text"
#: Why a figure of flattened text is not agreed, as its note.
UNPROVEN: Final = "文字已失去表格，所在行合计不符，列位未能证实"

_ENCODINGS: Final = ("utf-8-sig", "gb18030", "utf-16")
# Wider than any page; patterns that look for the end of blanks take quadratic time.
_BLANKS: Final = re.compile(r"[ \u3000\xa0]{200,}")
_RULE: Final = re.compile(r"^[\s|\-—=_:]*$")


@dataclass(frozen=True, slots=True)
class TextReading:
    """What a text said: its pages (at form feeds; page None without any) and its forms."""

    pages: tuple[PageText, ...]
    forms: tuple[tuple[FormReading, list[Fact]], ...]


def decode(body: bytes) -> str:
    """Text of a file in UTF-8, GB 18030 or UTF-16 with a byte order mark.

    Raises:
        ValueError: the bytes are text in none of them.
    """
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16")
    for encoding in _ENCODINGS[:2]:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValueError("not text in UTF-8, GB 18030 or UTF-16")


def read_text(path: Path) -> TextReading:
    """Read a text file; see :func:`read_text_document`.

    Raises:
        ValueError: the file holds no text.
    """
    return read_text_document(decode(path.read_bytes()))


def read_text_document(text: str) -> TextReading:
    """Read a disclosure that exists as text.

    Tables whose cells are separated by TAB are read as grids; forms that were not found so are
    looked for by the text grammar.
    """
    return read_text_pages(split_pages(_BLANKS.sub(" " * 200, text)))


def read_text_pages(pages: Sequence[PageText]) -> TextReading:
    """Read the pages of a disclosure that exists as text; see :func:`read_text_document`."""
    tables: list[tuple[FormReading, list[Fact]]] = []
    placed = [item for page in pages for item in tab_tables(page)]
    if placed:
        tables = read_placed(placed, pages)
    found = {reading.form for reading, facts in tables if facts}
    flattened = [
        (reading, facts)
        for reading, facts in read_flattened(_without_tables(pages), reader=READER, by_sums=True)
        if reading.form not in found
    ]
    taken = found | {reading.form for reading, _ in flattened}
    noted = [item for item in tables if item[1] or item[0].form not in taken]
    kept = sorted([*noted, *_in_doubt(flattened)], key=lambda item: item[0].form)
    return TextReading(tuple(pages), tuple(kept))


def _in_doubt(
    found: Sequence[tuple[FormReading, list[Fact]]],
) -> list[tuple[FormReading, list[Fact]]]:
    """Flattened forms; where the parts of a row do not make its total, nothing shows that its
    figures are given to the right columns."""
    open_keys = unproven([fact for _, facts in found for fact in facts])
    return [
        (
            form,
            [
                replace(fact, agreed=False, note=UNPROVEN) if fact.key in open_keys else fact
                for fact in facts
            ],
        )
        for form, facts in found
    ]


def split_pages(text: str) -> list[PageText]:
    """Pages at form feeds; a text without them is one page without a number."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = text.split("\f")
    if len(parts) == 1:
        return [PageText(None, text)]
    if not parts[-1].strip():
        parts.pop()
    return [PageText(number, part) for number, part in enumerate(parts, start=1)]


def _is_table_line(line: str) -> bool:
    return "\t" in line


def _without_tables(pages: Sequence[PageText]) -> list[PageText]:
    return [
        PageText(
            page.page, "\n".join("" if _is_table_line(x) else x for x in page.text.split("\n"))
        )
        for page in pages
    ]


def tab_tables(page: PageText) -> list[Placed]:
    """Runs of lines with TABs as grids, with the title above and the text around them."""
    lines = page.text.split("\n")
    blocks: list[tuple[int, int]] = []
    start: int | None = None
    for number, line in enumerate([*lines, ""]):
        if _is_table_line(line):
            start = number if start is None else start
        elif start is not None:
            blocks.append((start, number))
            start = None
    placed: list[Placed] = []
    end = 0
    for index, (first, stop) in enumerate(blocks):
        between = lines[end:first]
        title, title_at = _last_title(between)
        following = blocks[index + 1][0] if index + 1 < len(blocks) else len(lines)
        after = lines[stop:following]
        _, next_at = _first_title(after)
        rows = tuple(
            tuple(GridCell(cell) for cell in line.split("\t"))
            for line in lines[first:stop]
            if not _RULE.match(line) or "\t" in line.strip("-—=:| \n")
        )
        placed.append(
            Placed(
                Grid(READER, page.page, rows),
                title,
                "\n".join(between[title_at:]),
                "\n".join(after[:next_at]),
            )
        )
        end = stop
    return placed


def _last_title(lines: Sequence[str]) -> tuple[Title | None, int]:
    for number in range(len(lines) - 1, -1, -1):
        form = form_of_title(lines[number])
        if form or is_table_title(lines[number]):
            return Title(form, clean(lines[number]).lstrip("# "), 0, 0), number + 1
    return None, 0


def _first_title(lines: Sequence[str]) -> tuple[Title | None, int]:
    for number, line in enumerate(lines):
        if form_of_title(line) or is_table_title(line):
            return Title(form_of_title(line), clean(line), 0, 0), number
    return None, len(lines)
