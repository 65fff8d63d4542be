"""Performance forms in text: cells separated by TAB, or run together into lines.

Where cells have run together, a row is known by its numbers: weight, score and deviation stand
side by side, target and actual value before them, the name before these or on the lines above,
as do the labels of the groups. What can be meant in two ways is left out, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from disclosures.forms import squeeze
from disclosures.reading.grids import PageText
from disclosures.reading.names import clean, plain, printed_name
from disclosures.reading.performance import (
    EvaluationForm,
    Item,
    PerformanceRead,
    few,
    figure,
    fits,
    is_known_level,
    is_plain_number,
    money_unit,
    source_label,
    text_tables,
    title_of,
    total_cells,
    wording,
)

_PAGE_NUMBER: Final = re.compile(r"[-—–\s]*\d{1,4}[-—–\s]*")
_NUMBER_THEN_WORD: Final = re.compile(r"(?<=\d)(?=[\u4e00-\u9fff])")
_BEGINS_VALUE: Final = re.compile(r"[≥≤≧≦><=＞＜＝\d]")
_AMOUNTS: Final = ("budget_initial", "budget_full_year", "executed")
# A form begins with its title, and its name follows within these lines.
_NAME_WITHIN: Final = 8


@dataclass(frozen=True, slots=True)
class _Line:
    """A printed line. Texts exported from PDFs begin every page with a line that is indented."""

    text: str
    page: int | None
    opens_page: bool

    @property
    def squeezed(self) -> str:
        return plain(self.text)


def read_performance_text(pages: Sequence[PageText], *, strict: bool = False) -> PerformanceRead:
    """Read the performance forms of a text, in whichever way their cells are kept apart.

    With ``strict`` a form whose cells have run together counts only if all of it was clear: the
    text of a PDF without ruling lines may have the lines of neighbouring cells in any order.
    """
    tables = text_tables(pages)
    facts, notes = list(tables.facts), list(tables.notes)
    for form in _flattened(_lines(pages)):
        if strict and form.notes:
            where = f"第{form.page}页" if form.page else ""
            notes.append(f"{where}绩效表“{form.project}”没有表格线，未能可靠读出，未计入")
            continue
        facts += form.facts()
        notes += form.notes
    return PerformanceRead(tuple(facts), few(notes))


def _lines(pages: Sequence[PageText]) -> list[_Line]:
    lines: list[_Line] = []
    for page in pages:
        first = True
        for raw in page.text.split("\n"):
            text = clean(raw).strip()
            if not text or (_PAGE_NUMBER.fullmatch(text) and "-" in text):
                continue
            # A table with TABs has been read; it also ends what stands above it.
            text = "" if "\t" in raw else text
            lines.append(_Line(text, page.page, first or raw[:1] in (" ", "\u3000")))
            first = False
    return lines


def _flattened(lines: Sequence[_Line]) -> Iterator[EvaluationForm]:
    starts = [
        (number, table)
        for number, line in enumerate(lines)
        if (table := title_of(line.text)) in ("unit", "project")
    ]
    for index, (start, table) in enumerate(starts):
        stop = starts[index + 1][0] if index + 1 < len(starts) else len(lines)
        body = [*lines[start + 1 : stop]]
        end = next((n for n, line in enumerate(body) if _ends(line)), len(body))
        form = _form(str(table), body[:end])
        if form is not None:
            yield form


def _ends(line: _Line) -> bool:
    return not line.text or bool(re.match(r"第[一二三四五六七八九十]部分", line.squeezed))


def _form(table: str, lines: Sequence[_Line]) -> EvaluationForm | None:
    named = _name(table, lines)
    if named is None:
        return None
    name, at = named
    form = EvaluationForm(table, name, page=lines[0].page)
    header = next((n for n, line in enumerate(lines) if "一级指标" in line.squeezed), len(lines))
    before = lines[at:header]
    form.unit = money_unit("".join(line.squeezed for line in before))
    _read_funds(before, form)
    _read_management(before, form)
    _read_indicators(lines[header:], form)
    return form if form.filled else None


def _name(table: str, lines: Sequence[_Line]) -> tuple[str, int] | None:
    """The project's or unit's name and the number of the line after it."""
    label = re.compile(rf"(?:{wording().names[table]}):?")
    for number, line in enumerate(lines[:_NAME_WITHIN]):
        words = line.text.split()
        for count in range(1, min(len(words), 4) + 1):
            if not label.fullmatch(squeeze("".join(words[:count]))):
                continue
            parts, at = ["".join(words[count:])], number + 1
            while at < len(lines) and not re.match(
                wording().flattened.after_name, lines[at].squeezed
            ):
                parts.append(lines[at].text)
                at += 1
                if at - number > 4:
                    return None
            return printed_name("".join(parts)), at
    return None


# --- funds ------------------------------------------------------------------------------------


@cache
def _sources() -> re.Pattern[str]:
    words = sorted(wording().flattened.sources, key=len, reverse=True)
    return re.compile("|".join(r"\s*".join(map(_either_width, word)) for word in words))


def _either_width(letter: str) -> str:
    return "[：:]" if letter == "：" else re.escape(letter)


def _read_funds(lines: Sequence[_Line], form: EvaluationForm) -> None:
    wanted = wording().flattened
    text = _NUMBER_THEN_WORD.sub(
        " ", " ".join(line.text for line in _until(lines, wanted.funds_end))
    )
    text = re.sub(r"(?<=\d)\s+%", "%", text)
    matches = list(_sources().finditer(text))
    if not matches:
        return
    order = _order(squeeze(text[: matches[0].start()]))
    form.percent_headed = bool(re.search(r"执行率\([^()]*%", squeeze(text[: matches[0].start()])))
    for index, match in enumerate(matches):
        stop = matches[index + 1].start() if index + 1 < len(matches) else len(text)
        values: list[str] = []
        for word in text[match.end() : stop].split():
            if not re.fullmatch(r"[-—–/]+|[-\d,.]+%?", word):
                break
            values.append(word)
        label = source_label(printed_name(match[0]))
        cells = _fund_cells(values, order)
        if cells:
            form.funds.append(Item(form.page, label, cells))
        elif any(map(is_plain_number, values)):
            form.notes.append(f"绩效表“{form.project}”的资金未能读出：{label} {' '.join(values)}")


def _until(lines: Sequence[_Line], pattern: str) -> Sequence[_Line]:
    end = next((n for n, line in enumerate(lines) if re.search(pattern, line.squeezed)), len(lines))
    return lines[:end]


def _order(headings: str) -> list[str]:
    """Roles of the headings in the order in which they are printed."""
    found: list[tuple[int, str]] = []
    for role, pattern in wording().flattened.funds.items():
        match = re.search(pattern, headings)
        if match:
            found.append((match.start(), role))
    return [role for _, role in sorted(found)]


def _fund_cells(values: Sequence[str], order: Sequence[str]) -> dict[str, str]:
    """Values under their headings; fewer values than headings are the amounts and the rate."""
    amounts = [role for role in order if role in _AMOUNTS]
    if len(values) == len(order):
        cells = dict(zip(order, values, strict=True))
    else:
        count = len(amounts)
        rest = [value for value in values[count:] if not re.fullmatch(r"[-—–/]+", value)]
        if len(values) < count or len(rest) > 1 or not all(value.endswith("%") for value in rest):
            return {}
        cells = dict(zip(amounts, values, strict=False))
        if rest:
            cells["rate"] = rest[0]
    if not all(is_plain_number(cells[role]) for role in amounts):
        return {}
    if any("%" in text for role, text in cells.items() if role != "rate"):
        return {}
    return cells


# --- management -------------------------------------------------------------------------------


def _read_management(lines: Sequence[_Line], form: EvaluationForm) -> None:
    wanted = wording().flattened
    begin = next(
        (n for n, line in enumerate(lines) if line.squeezed.startswith(wanted.management_begin)),
        None,
    )
    if begin is None:
        return
    heading = "".join(line.squeezed for line in lines[begin : begin + 3])
    if "分值" not in heading or "得分" not in heading:
        return
    name = ""
    for line in _until(lines[begin + 1 :], wanted.management_end):
        name = next((n for n in wanted.management if line.squeezed.startswith(n)), name)
        words = line.text.split()
        if name and len(words) >= 2 and all(map(is_plain_number, words[-2:])):
            form.management.append(Item(line.page, name, {"weight": words[-2], "score": words[-1]}))
            name = ""


# --- indicators -------------------------------------------------------------------------------


def _read_indicators(lines: Sequence[_Line], form: EvaluationForm) -> None:
    heading = 0
    while heading < len(lines) and _is_heading(lines[heading]):
        heading += 1
    printed = "".join(line.squeezed for line in lines[:heading])
    if "得分" not in printed:
        return
    numbers = 3 if re.search(r"偏差[度率]", printed) else 2
    pending: list[_Line] = []
    explained = True
    for line in lines[heading:]:
        first = line.text.split()[0]
        if fits(wording().total, plain(first)):
            found = [word for word in line.text.split()[1:] if is_plain_number(word)]
            cells = total_cells(found, form)
            if cells:
                form.total = Item(line.page, first, cells)
            return
        row = _numbers_of(line.text.split(), numbers)
        if row is None:
            pending.append(line)
            continue
        _add_indicator(line, row, pending, form, explained=explained)
        pending = []
        explained = _is_explained(line, row[1])


@cache
def _heading_words() -> tuple[str, ...]:
    return tuple(squeeze(word) for word in wording().flattened.headings)


def _is_heading(line: _Line) -> bool:
    return all(
        any(squeeze(word) in heading for heading in _heading_words()) for word in line.text.split()
    )


def _numbers_of(words: Sequence[str], count: int) -> tuple[list[str], list[str]] | None:
    """Words before the last ``count`` numbers that stand side by side, and these numbers."""
    end = len(words)
    while end:
        if not is_plain_number(words[end - 1]):
            end -= 1
            continue
        start = end
        while start and is_plain_number(words[start - 1]):
            start -= 1
        if end - start >= count:
            return list(words[: end - count]), list(words[end - count : end])
        end = start
    return None


def _add_indicator(
    line: _Line,
    row: tuple[list[str], list[str]],
    pending: Sequence[_Line],
    form: EvaluationForm,
    *,
    explained: bool,
) -> None:
    """Add a row. ``explained`` says that no reason for a deviation of the row above can stand
    between that row and this one."""
    head, numbers = _joined(row[0]), row[1]
    levels, rest = _without_levels(pending)
    if rest and form.indicators and _is_tail(rest, len(head) >= 3):
        form.indicators[-1].name += printed_name(rest.pop(0).text)
    cells = {"weight": numbers[0], "score": numbers[1]}
    words = [printed_name(part.text) for part in rest]
    name, values = "", head
    while len(head) > 3 and is_known_level(plain(head[0])):
        levels.append(head.pop(0))
    # The label of a group beside the values: the name was wrapped, and its lines are among those
    # of others.
    astray = len(head) == 3 and bool(words) and is_known_level(plain(head[0]))
    if astray or (len(head) < 3 and words and not explained):
        form.notes.append(f"绩效表“{form.project}”有一行的指标名称未能断定：{line.text[:40]}")
        return
    if len(head) >= 3:
        name, values = "".join(head[:-2]), head[-2:]
    elif words:
        # The target may have been wrapped as the name was; it begins with a sign or a number.
        begin = next(
            (n for n, word in enumerate(words) if n and _BEGINS_VALUE.match(squeeze(word))),
            len(words),
        )
        begin = len(words) if len(head) == 2 else begin
        name = "".join(words[:begin])
        if begin < len(words):
            values = ["".join(words[begin:]), *head]
    elif len(head) == 2:
        name, values = head[0], head[1:]
    elif levels:
        name = levels.pop()
    if not name:
        form.notes.append(f"绩效表“{form.project}”有一行没有指标名称：{line.text[:40]}")
        return
    if len(values) == 2:
        cells = {"target": values[0], "actual": values[1], **cells}
    elif values:
        form.notes.append(
            f"绩效表“{form.project}”的“{name}”只印一个值（{values[0]}），"
            "不能断定是指标值还是完成值，未计入"
        )
    above = form.indicators[-1].levels if form.indicators else ()
    form.indicators.append(Item(line.page, name, cells, tuple(levels) or above))


def _is_explained(line: _Line, numbers: Sequence[str]) -> bool:
    """Whether a row deviates from nothing, or prints the reason itself."""
    if line.text.split()[-1:] != list(numbers[-1:]):
        return True
    deviates = len(numbers) == 3 and figure(numbers[2])[0] != 0
    return not deviates and figure(numbers[0])[0] == figure(numbers[1])[0]


def _joined(words: Sequence[str]) -> list[str]:
    """Words with a number and the unit behind it in one: "112 套"."""
    joined: list[str] = []
    for word in words:
        if joined and re.fullmatch(r"[≥≤≧≦><=]*[\d.,]+", squeeze(joined[-1])):
            value, unit = figure(joined[-1] + word)
            if value is not None and unit is not None and fits(wording().units, unit):
                joined[-1] += word
                continue
        joined.append(word)
    return joined


def _without_levels(pending: Sequence[_Line]) -> tuple[list[str], list[_Line]]:
    """Labels of groups at the start of the lines above a row, and the lines that remain."""
    words = [(word, n) for n, line in enumerate(pending) for word in line.text.split()]
    levels: list[str] = []
    at = 0
    while at < len(words):
        longest = next(
            (
                count
                for count in range(min(6, len(words) - at), 0, -1)
                if is_known_level(plain("".join(word for word, _ in words[at : at + count])))
            ),
            0,
        )
        if longest:
            levels.append(printed_name("".join(word for word, _ in words[at : at + longest])))
            at += longest
        elif levels and is_plain_number(words[at][0]):
            # The weight of the group.
            at += 1
        else:
            break
    rest: list[_Line] = []
    for number, line in enumerate(pending):
        left = [word for word, n in words[at:] if n == number]
        if left:
            rest.append(_Line(" ".join(left), line.page, line.opens_page))
    return levels, rest


def _is_tail(rest: Sequence[_Line], named_below: bool) -> bool:
    """Whether the first line is the end of a name that the end of a page has cut.

    A wrapped name fills its lines but for the last: a shorter line before a longer one is an end.
    """
    if not rest[0].opens_page:
        return False
    if len(rest) == 1:
        return named_below
    return len(rest[0].squeezed) + 1 < len(rest[1].squeezed)
