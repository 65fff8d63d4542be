"""Letters of a page put together into words, and words into lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from disclosures.amounts import CellState, parse_amount
from disclosures.model import Box
from disclosures.reading.grids import Glyph, GridCell
from disclosures.reading.names import has_chinese

ORDINAL: Final = re.compile(
    r"^[（(]?[一二三四五六七八九十]{1,3}[)）]?[、.．]|^其中[:：]|^\d{1,2}[.、]"
)
NOTHING: Final = frozenset({"-", "—", "——", "－", "/"})
_SEAM: Final = re.compile(
    r"(?<=^\d{3})(?=[\u4e00-\u9fff])|(?<=^\d{5})(?=[\u4e00-\u9fff])|(?<=^\d{7})(?=[\u4e00-\u9fff])"
    r"|(?<=\d\.\d\d)(?=[\u4e00-\u9fff（(])|(?<=[\u4e00-\u9fff)）])(?=-?\d[\d,]*\.\d)"
)
# Shares of the letter's size.
LINE: Final = 0.3
_GAP: Final = 0.3


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    x0: float
    x1: float
    y: float
    size: float

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def box(self) -> Box:
        return (self.x0, self.y - 0.9 * self.size, self.x1, self.y + 0.2 * self.size)

    @property
    def is_figure(self) -> bool:
        return self.text in NOTHING or (
            not has_chinese(self.text)
            and any(letter.isdigit() for letter in self.text)
            and parse_amount(self.text).state is CellState.READ
        )

    @property
    def is_amount(self) -> bool:
        """A figure that is neither code nor number of a line."""
        return self.is_figure and not self.text.isdigit()


Line = list[Word]


def lines_of(glyphs: Sequence[Glyph]) -> list[Line]:
    """Words on common baselines, from above, each line from the left."""
    rows: list[list[Glyph]] = []
    base = size = 0.0
    for glyph in sorted(glyphs, key=lambda glyph: glyph.y):
        if not rows or glyph.y - base > LINE * min(size, glyph.size):
            rows.append([])
            base, size = glyph.y, glyph.size
        rows[-1].append(glyph)
    lines = [_words(sorted(row, key=lambda glyph: glyph.x0)) for row in rows]
    return [line for line in lines if line]


def _words(row: Sequence[Glyph]) -> Line:
    runs: list[list[Glyph]] = []
    for glyph in row:
        if not glyph.text.strip() or glyph.text == "\u3000":
            runs.append([])
            continue
        if runs and runs[-1]:
            last = runs[-1][-1]
            gap = glyph.x0 - last.x1
            if gap < -0.7 * last.size and last.text == glyph.text:
                continue  # the same letter once more, for bold type
            room = _GAP if last.text.isdigit() == glyph.text.isdigit() else _GAP / 2
            if gap > room * min(last.size, glyph.size):
                runs.append([])
        else:
            runs.append([])
        runs[-1].append(glyph)
    return [word for run in runs if run for word in _cut(run)]


def _cut(run: Sequence[Glyph]) -> Iterator[Word]:
    """A word, or two where a code and a name or a figure and a name touch."""
    text = "".join(glyph.text[:1] for glyph in run)
    seams = [0, *(match.start() for match in _SEAM.finditer(text)), len(run)]
    for start, stop in pairwise(sorted(set(seams))):
        piece = run[start:stop]
        yield Word(
            "".join(glyph.text for glyph in piece),
            piece[0].x0,
            piece[-1].x1,
            piece[0].y,
            max(glyph.size for glyph in piece),
        )


def text_of(line: Line) -> str:
    return " ".join(word.text for word in line)


def cell_of(words: Sequence[Word]) -> GridCell:
    if not words:
        return GridCell("")
    boxes = [word.box for word in words]
    box = (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )
    return GridCell("".join(word.text for word in words), box)


def frame_of(lines: Sequence[Line]) -> Box | None:
    words = [word for line in lines for word in line]
    return cell_of(words).bbox


def by_height(words: Sequence[Word]) -> list[Line]:
    lines: list[Line] = []
    for word in sorted(words, key=lambda word: (word.y, word.x0)):
        if lines and word.y - lines[-1][0].y <= LINE * word.size:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.x0) for line in lines]
