"""Chapters and headings of a disclosure, and the running text between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from disclosures.forms import squeeze
from disclosures.model import Side
from disclosures.reading.grids import PageText
from disclosures.reading.names import clean, has_chinese, line_index
from disclosures.reading.titles import form_of_title, is_table_title

_PART: Final = re.compile(r"^(第[一二三四五六七八九十]{1,3}部分)[:：、]?(.*)$")
_FIRST: Final = re.compile(r"^([一二三四五六七八九十]{1,3})[、.．](.+)$")
_SECOND: Final = re.compile(r"^[(（]([一二三四五六七八九十]{1,3})[)）][、.．]?(.+)$")
_NOT_HEADING: Final = re.compile(r"\d\.\d|\d万?元|%|[,;?!]|:.|。.")
_PAGE_NUMBER: Final = re.compile(r"^[-—–－·]*\d{1,4}[-—–－·]*$|^第\d+页(?:共\d+页)?$")
_EDGE: Final = re.compile(r"[-—–－·第]")
_MARKS: Final = re.compile(r"^[\s#>*·•-]+")
_MAX_HEADING: Final = 48
_LIST_ITEM: Final = re.compile(
    r"^(?:\d{1,2}[.、．)）](?!\d)|[(（]\d{1,2}[)）]|[(（]?[一二三四五六七八九十]{1,3}[)）、])"
)
# "34. 56万元": the rest of a figure that was wrapped, or an ordinal before a number.
_ORDINAL_OR_FIGURE: Final = re.compile(r"^\s*\d{1,2}[.．]\s*\d")
# A figure goes on in the next line.
_UNFINISHED: Final = re.compile(r"\d[,，.．]?$")
# Where chapters are counted 一、 and （一）, or not at all, headings may have Arabic numbers.
_THIRD: Final = re.compile(
    r"^(?:(\d{1,2})[.、．]|[(（]\d{1,2}[)）][.、．]?)"
    r"((?!其中|根据|按照|本|我)[\u4e00-\u9fff\d()“”\"、及]{2,36}(?:情况|说明))$"
)
# Headings of running text, in contrast to lines of tables.
_NARRATIVE: Final = re.compile(r"说明|情况|概况|解释|职责|职能|机构|结果|事项|名词|绩效")
_NOTE: Final = re.compile(r"^(?:注|说明|备注)\d*[:、.]")
# A row of a table without its cells: several figures side by side, or a code and its name.
_TABULAR: Final = re.compile(
    r"\d\.\d+\s+-?[\d,]+\.\d|^\s*\d{3}(?:\d{2}){0,2}\s+(?!年度)[\u4e00-\u9fff]"
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; ``level`` 0 is a chapter (第三部分), 1 一、, 2 （一）."""

    level: int
    ordinal: str
    title: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text under a heading, white space removed; ``section`` names the heading.

    ``breaks`` are the offsets in ``text`` at which printed lines begin, with their pages;
    ``listed`` says that it began with an ordinal ("3."), which ``text`` leaves out; ``titles``
    are those of the headings above it, the nearest first.
    """

    section: str
    text: str
    breaks: tuple[tuple[int, int | None], ...]
    listed: bool = False
    titles: tuple[str, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The page on which the letter at ``offset`` stands."""
        page = self.breaks[0][1] if self.breaks else None
        for start, number in self.breaks:
            if start > offset:
                break
            page = number
        return page


def lines_of(pages: Sequence[PageText]) -> Iterator[tuple[str, int | None]]:
    """Printed lines without page numbers and tables."""
    edges = running_numbers(pages)
    for number, page in enumerate(pages):
        for at, line in enumerate(page.text.split("\n")):
            if "\t" in line.strip() or (number, at) in edges:
                continue
            if _EDGE.search(line) and _PAGE_NUMBER.match(squeeze(line)):
                continue
            yield line, page.page


def running_numbers(pages: Sequence[PageText]) -> set[tuple[int, int]]:
    """Bare numbers at the edges of pages that run with the pages."""
    candidates: list[tuple[int, int, int]] = []
    for number, page in enumerate(pages):
        lines = page.text.split("\n")
        filled = [at for at, line in enumerate(lines) if line.strip()]
        for at in {filled[0], filled[-1]} if filled else set():
            if re.fullmatch(r"\s*\d{1,4}\s*", lines[at]):
                candidates.append((number, at, int(lines[at]) - number))
    common = Counter(shift for _, _, shift in candidates).most_common(1)
    if not common or common[0][1] < 2:
        return set()
    return {(number, at) for number, at, shift in candidates if shift == common[0][0]}


def heading_of(line: str, page: int | None = None) -> Heading | None:
    """The heading that a line is, or None."""
    text = squeeze(_MARKS.sub("", clean(line))).rstrip("。")
    if not text or len(text) > _MAX_HEADING:
        return None
    part = _PART.match(text)
    if part and not _NOT_HEADING.search(part[2]):
        return Heading(0, part[1], part[2], page)
    for level, pattern in ((1, _FIRST), (2, _SECOND)):
        match = pattern.match(text)
        if match and has_chinese(match[2]) and not _NOT_HEADING.search(match[2]):
            title = match[2].rstrip(":")
            # A wrapped sentence, or a line of form 01 whose table has no title above it.
            if title.endswith("、") or (len(title) > 18 and not _NARRATIVE.search(title)):
                continue
            if any(line_index("01", side).find(title) for side in Side):
                continue
            return Heading(level, match[1], title, page)
    return None


_RunningLine = tuple[str, int | None, Heading | None]


def _running_lines(pages: Sequence[PageText]) -> tuple[_RunningLine, ...]:
    """Lines outside the tables, each with the heading that it is."""
    return _running_lines_of(tuple(pages))


# Triage and narrative ask for the same document's in turn.
@lru_cache(maxsize=1)
def _running_lines_of(pages: tuple[PageText, ...]) -> tuple[_RunningLine, ...]:
    return tuple(_iterate_running_lines(pages))


def _iterate_running_lines(pages: Sequence[PageText]) -> Iterator[_RunningLine]:
    in_table = False
    for line, page in lines_of(pages):
        heading = heading_of(line, page)
        opens_table = bool(form_of_title(line) or is_table_title(line))
        if heading is not None and in_table and not opens_table and heading.level > 0:
            # "二、外交支出" in form 01 looks like a heading of the narrative.
            heading = heading if _NARRATIVE.search(heading.title) else None
        if opens_table:
            in_table = True
        elif heading is not None or _NOTE.match(squeeze(clean(line))):
            in_table = False
        if heading is not None or not in_table:
            yield line, page, heading


def headings(pages: Sequence[PageText]) -> list[Heading]:
    """All headings in order; those of the list of contents come first."""
    return [heading for _, _, heading in _running_lines(pages) if heading is not None]


def _is_item(line: str, text: str) -> bool:
    return bool(_LIST_ITEM.match(text) or _LIST_ITEM.match(line))


def _goes_on(before: str, line: str) -> bool:
    """Whether a line that begins like a list item goes on with the figure above it."""
    return bool(_UNFINISHED.search(before) or _ORDINAL_OR_FIGURE.match(line))


def paragraphs(pages: Sequence[PageText]) -> Iterator[Paragraph]:
    """Running text, one item per printed paragraph or list item, under its section's name.

    A section is named "第三部分/一、收入支出决算总体情况说明", "第三部分/五（一）总体情况" or,
    where headings have Arabic numbers, "第三部分/五（一）总体情况·1、支出结构情况".
    """
    part = first = section = above = ""
    # The number of the last heading "5、" that stands for 五、.
    number = 0
    titles: tuple[str, ...] = ()
    outer = inner = titles
    buffer: list[str] = []
    breaks: list[tuple[int, int | None]] = []
    listed = False

    def collected() -> Iterator[Paragraph]:
        if buffer:
            yield Paragraph(section, "".join(buffer), tuple(breaks), listed, titles)
        buffer.clear()
        breaks.clear()

    for raw, page, heading in _running_lines(pages):
        line = clean(re.sub(r"^[\s#>]+", "", raw))
        text = squeeze(line)
        if not text:
            continue
        if heading is not None:
            yield from collected()
            if heading.level == 0:
                part, first, number = heading.ordinal, "", 0
                section = part
                titles = outer = inner = ()
            elif heading.level == 1:
                first = heading.ordinal
                section = f"{part}/{first}、{heading.title}"
                titles = outer = inner = (heading.title,)
            else:
                section = f"{part}/{first}（{heading.ordinal}）{heading.title}"
                titles = inner = (heading.title, *outer)
            above = section
            continue
        if third := _THIRD.match(text.rstrip("。:")):
            yield from collected()
            counted = int(third[1] or 0)
            if counted and (not inner or 0 < number < counted <= number + 2):
                number, first = counted, third[1]
                above = section = f"{part}/{text}"
                titles = outer = inner = (third[2],)
            else:
                section = f"{above}·{text}" if "/" in above else f"{above}/{text}"
                titles = (third[2], *inner)
            continue
        ended = bool(buffer) and buffer[-1].endswith(("。", "；", "！", "？", "：", ":"))
        if _TABULAR.search(line):
            yield from collected()
            continue
        item = _is_item(line, text) and not (buffer and not ended and _goes_on(buffer[-1], line))
        if ended or item:
            yield from collected()
        if not buffer:
            listed = bool(_LIST_ITEM.match(text))
        # An ordinal is cut off before blanks go: "2. 12345热线" must not become 2.12345.
        printed = _LIST_ITEM.sub("", line) if item and _LIST_ITEM.match(line) else line
        breaks.append((sum(map(len, buffer)), page))
        buffer.append(re.sub(r"\s+", "", printed))
    yield from collected()
