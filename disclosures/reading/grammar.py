"""The text grammar: forms out of flattened text.

The forms are so regular that their text alone can be read, as names, codes and numbers. Names may
be wrapped over lines; code, name and numbers may stand on lines of their own; the numbers are
counted, not the headings. Where a row prints fewer numbers than the form has columns, only sums
can say which cells were blank: the total is taken and the rest is unreadable, never guessed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile
from typing import Final

from disclosures.forms import Form, bare_name, forms, squeeze
from disclosures.model import Fact, FormReading, Side
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.joining import Growing, close_forms, first_unit, put
from disclosures.reading.lines import item_of_three
from disclosures.reading.names import (
    clean,
    has_chinese,
    is_header_word,
    line_index,
    printed_name,
)
from disclosures.reading.placing import place_by_sums
from disclosures.reading.sections import running_numbers
from disclosures.reading.titles import Title, find_titles

_PAGE_NUMBER: Final = re.compile(r"^\s*[-—–－‐·]+\s*\d{1,4}\s*[-—–－‐·]+\s*$|^\s*第\s*\d+\s*页.*$")
_NUMBER: Final = re.compile(
    r"^[-−△(（]?\d{1,3}(?:[,，]\d{3})*(?:[.．]\d+)?[)）]?$|^[-−△]?\d+(?:[.．]\d+)?$"
)
_GLUED: Final = re.compile(
    r"^(\d{7}|\d{5}|\d{3})(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff)）])(-?[\d,]+\.\d+)$"
)
_NOTHING: Final = frozenset({"-", "—", "——", "－", "/"})
_FUNCTIONAL: Final = re.compile(r"^2\d{2}(?:\d{2})?(?:\d{2})?$")
_ECONOMIC: Final = re.compile(r"^3\d{2}(?:\d{2})?$")
_NOTE: Final = re.compile(r"^\s*(?:注|备注|说明|附注)\s*\d*\s*[:：]|^\s*注\s*\d*\s*[、.．]")
_CHAPTER: Final = re.compile(r"^[#*\s]*第\s*[一二三四五六七八九十]+\s*部\s*分")
_LABEL: Final = re.compile(
    r"(?:部\s*门|单\s*位)\s*(?:名称)?\s*[:：]|公\s*开\s*\d+\s*表|^\s*(?:附\s*)?表\s*\d{1,2}\s*$"
    r"|^\s*\d{4}\s*年度?\s*$"
)


class _Kind(Enum):
    TEXT = "text"
    NUMBER = "number"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    page: int | None

    @property
    def is_integer(self) -> bool:
        return self.kind is _Kind.NUMBER and self.text.isdigit()

    @property
    def is_figure(self) -> bool:
        return self.kind is not _Kind.TEXT


@dataclass(frozen=True, slots=True)
class _Segment:
    """The text from one title to the next: tokens of the table, then the notes under it."""

    title: Title
    tokens: tuple[_Token, ...]
    notes: str
    labels: str


def read_flattened(
    pages: Sequence[PageText], *, reader: str = "grammar", by_sums: bool = False
) -> list[tuple[FormReading, list[Fact]]]:
    """The forms in the running text of ``pages``; boxes are None.

    A form that is only named, as in a list of contents, is left out. ``by_sums`` says that there
    is nothing else to tell which cells of a row are blank (:mod:`disclosures.reading.placing`).
    """
    document_unit = first_unit("\n".join(page.text for page in pages))
    growing: dict[str, Growing] = {}
    for segment in _segments(pages):
        if segment.title.form is None:
            continue
        form = forms()[segment.title.form]
        grown = growing.get(form.key) or Growing(form, segment.title.text, None)
        before = len(grown.facts)
        _READERS[form.layout](segment, grown, reader)
        if len(grown.facts) == before:
            if form.key in growing:
                grown.text.append(segment.notes)
            continue
        growing[form.key] = grown
        grown.text.append(segment.notes)
        unit = first_unit(segment.labels)
        if unit is not None and not grown.stated_unit:
            grown.unit, grown.stated_unit = unit, True
        for token in segment.tokens:
            if token.page is not None and token.page not in grown.pages:
                grown.pages.append(token.page)
    if by_sums:
        place_by_sums(growing, document_unit)
    return close_forms(list(growing.values()), document_unit, ())


# --- text into segments and tokens ------------------------------------------------------------


def _segments(pages: Sequence[PageText]) -> Iterator[_Segment]:
    lines: list[tuple[str, int | None]] = []
    drop = running_numbers(pages)
    for number, page in enumerate(pages):
        for at, line in enumerate(page.text.split("\n")):
            if (number, at) not in drop and not _PAGE_NUMBER.match(line):
                lines.append((line, page.page))
    text = "\n".join(line for line, _ in lines)
    _, titles = find_titles(text)
    offsets = [0]
    for line, _ in lines:
        offsets.append(offsets[-1] + len(squeeze(clean(line))))
    starts = [_line_at(offsets, title.start) for title in titles]
    for index, title in enumerate(titles):
        first = _line_at(offsets, title.end - 1) + 1
        stop = starts[index + 1] if index + 1 < len(titles) else len(lines)
        yield _segment(title, lines[first:stop])


def _line_at(offsets: Sequence[int], position: int) -> int:
    """The line that holds a position of the squeezed text."""
    return bisect_right(offsets, position) - 1


def _segment(title: Title, lines: Sequence[tuple[str, int | None]]) -> _Segment:
    tokens: list[_Token] = []
    labels: list[str] = []
    notes: list[str] = []
    state = "table"
    headings: set[str] = set()
    headings_open = True
    for line, page in lines:
        if _CHAPTER.match(line):
            break
        if _NOTE.match(line):
            state = "notes"
        if state == "notes":
            notes.append(line)
            continue
        if _LABEL.search(line):
            labels.append(line)
            continue
        squeezed = squeeze(clean(line))
        if headings_open and _opens_table(line):
            headings_open = False
        elif headings_open:
            headings.add(squeezed)
        elif len(squeezed) > 1 and squeezed in headings:
            # The headings of the table again, at the top of its next page.
            continue
        tokens += _tokens(clean(line), page)
    return _Segment(title, tuple(tokens), "".join(notes), "\n".join(labels))


def _opens_table(line: str) -> bool:
    """Whether a line is the first of a table's body: it has a figure, a code or a first name."""
    words = list(_tokens(clean(line), None))
    if any(word.is_figure and ("." in word.text or "．" in word.text) for word in words):
        return True
    text = squeeze(clean(line))
    if re.match(r"一、\S{4}", text):
        return True
    return any(_code_at(words, at)[0] or _economic_at(words, at)[0] for at in range(len(words)))


def _tokens(line: str, page: int | None) -> Iterator[_Token]:
    for word in line.replace("\t", " ").split():
        for piece in _GLUED.split(word):
            if not piece:
                continue
            if piece in _NOTHING:
                yield _Token(_Kind.NOTHING, piece, page)
            elif _NUMBER.match(piece):
                yield _Token(_Kind.NUMBER, piece, page)
            else:
                yield _Token(_Kind.TEXT, piece, page)


def _name(tokens: Sequence[_Token]) -> str:
    return printed_name("".join(token.text for token in tokens))


def _grid(reader: str, page: int | None) -> Grid:
    return Grid(reader, page, ())


def _put_row(
    growing: Growing,
    reader: str,
    figures: Sequence[_Token],
    columns: Sequence[str],
    *,
    side: Side | None,
    row: str,
    line: str | None,
    code: str | None,
    name: str,
    page: int | None,
) -> None:
    """Give the figures of one row to the columns, as far as their number tells which is which."""
    cells: list[tuple[str, bool]]
    note = None
    if len(figures) == len(columns):
        cells = [(token.text, True) for token in figures]
    elif not figures:
        cells = [("", True)] * len(columns)
    else:
        together = " ".join(token.text for token in figures)
        note = f"只印有{len(figures)}个数，应有{len(columns)}列"
        cells = [(together, False)] * len(columns)
        if len(figures) < len(columns) and columns[0] == "total":
            cells[0] = (figures[0].text, True)
        if len(figures) < len(columns) and (side, row) not in growing.rows:
            texts = tuple(token.text for token in figures)
            growing.unplaced[side, row] = (tuple(columns), texts)
    grid = _grid(reader, page)
    for column, (text, certain) in zip(columns, cells, strict=True):
        put(
            growing,
            grid,
            side=side,
            row=row,
            line=line,
            code=code,
            name=name,
            column=column,
            cell=GridCell(text),
            note=note,
            unreadable=not certain,
        )
    growing.last_row = (side, row)


# --- coded forms ------------------------------------------------------------------------------


def _coded(segment: _Segment, growing: Growing, reader: str) -> None:
    form = growing.form
    tokens = segment.tokens
    heading = squeeze("".join(token.text for token in tokens[:60]))
    keys = _coded_columns(form, heading)
    rows = _coded_rows(tokens)
    for code, name_tokens, figures, page in rows:
        name = _name(name_tokens)
        _put_row(
            growing,
            reader,
            figures,
            keys,
            side=None,
            row=code or "total",
            line=None,
            code=code,
            name=name,
            page=page,
        )
    if not rows and growing.facts == {} and _is_table_heading(form, heading) and "合计" in heading:
        total = next((token for token in tokens if squeeze(token.text) == "合计"), None)
        _put_row(
            growing,
            reader,
            (),
            keys,
            side=None,
            row="total",
            line=None,
            code=None,
            name="合计",
            page=total.page if total else None,
        )


def _is_table_heading(form: Form, heading: str) -> bool:
    """Whether the text under a title shows the form's headings: a printed table, if empty.

    Narrow headings are wrapped and run into each other, so half of them are enough.
    """
    wanted = [squeeze(c.title) for c in form.columns_of() if len(c.title) > 2 and not c.optional]
    shown = sum(1 for title in wanted if title in heading)
    return bool(wanted) and shown * 2 >= len(wanted)


def _coded_columns(form: Form, heading: str) -> tuple[str, ...]:
    return tuple(
        column.key
        for column in form.columns_of()
        if not column.optional
        or any(squeeze(title) in heading for title in (column.title, *column.aliases))
    )


_CodedRow = tuple[str | None, list[_Token], list[_Token], int | None]


def _coded_rows(tokens: Sequence[_Token]) -> list[_CodedRow]:
    """Rows as (code or None for 合计, name, figures, page)."""
    rows: list[_CodedRow] = []
    at = 0
    current: _CodedRow | None = None
    while at < len(tokens):
        token = tokens[at]
        code, width = _code_at(tokens, at)
        if code is not None:
            current = (code, [], [], token.page)
            rows.append(current)
            at += width
            continue
        total = _total_at(tokens, at)
        if total:
            current = (None, list(tokens[at : at + total]), [], token.page)
            rows.append(current)
            at += total
            continue
        if current is None:
            at += 1
            continue
        if token.is_figure:
            current[2].append(token)
        elif current[0] is None and current[2]:
            # Words after the figures of 合计 are not its name.
            current = None
        elif current[0] is not None and not _is_filler(token, bool(current[2])):
            current[1].append(token)
        at += 1
    return rows


def _is_filler(token: _Token, after_figures: bool) -> bool:
    """Dots of a template, or headings that follow a row's figures."""
    text = squeeze(token.text)
    return not has_chinese(text) or (after_figures and is_header_word(text))


def _code_at(tokens: Sequence[_Token], at: int) -> tuple[str | None, int]:
    """A functional code at a position and the number of its tokens (类, 款 and 项 may be apart).

    A code is followed by its name, possibly after the page's end; a figure never is.
    """
    token = tokens[at]
    if not token.is_integer or not _FUNCTIONAL.match(token.text):
        return None, 0
    code, width = token.text, 1
    while (
        len(code) < 7
        and at + width < len(tokens)
        and tokens[at + width].is_integer
        and len(tokens[at + width].text) == 2
    ):
        code += tokens[at + width].text
        width += 1
    following = tokens[at + width] if at + width < len(tokens) else None
    if following is None or following.kind is not _Kind.TEXT:
        return None, 0
    if not has_chinese(following.text):
        return None, 0
    return code, width


def _total_at(tokens: Sequence[_Token], at: int) -> int:
    """How many tokens spell 合计 here as the label of a row of figures; 0 when none do."""
    for width in (1, 2):
        piece = tokens[at : at + width]
        if len(piece) == width and all(token.kind is _Kind.TEXT for token in piece):
            text = squeeze("".join(token.text for token in piece))
            if text in ("合计", "总计") or text.endswith(("类款项合计", "栏次合计")):
                following = tokens[at + width] if at + width < len(tokens) else None
                return width if following is None or following.is_figure else 0
    return 0


# --- two-sided forms --------------------------------------------------------------------------


@dataclass(slots=True)
class _Line:
    """One line of one side while its figures are being collected."""

    side: Side
    name: str
    number: str | None
    figures: list[_Token]
    page: int | None


def _two_sided(segment: _Segment, growing: Growing, reader: str) -> None:
    form = growing.form
    heading = squeeze("".join(token.text for token in segment.tokens))
    expense = [column.key for column in form.columns_of(Side.EXPENSE)]
    before_lines = heading.split("一般公共服务")[0]
    if form.key == "04" and "国有资本经营" not in before_lines and growing.columns is None:
        # Before 2020 the form had no column and no line for 国有资本经营.
        expense.remove("state_capital")
    keys = {
        Side.INCOME: [column.key for column in form.columns_of(Side.INCOME)],
        Side.EXPENSE: expense,
    }
    if growing.variant & {"columns_3"}:
        keys[Side.EXPENSE] = [key for key in keys[Side.EXPENSE] if key != "state_capital"]
    numbered = "行次" in heading or "numbered" in growing.variant
    tokens = _after_ruler(segment.tokens, form, len(expense))
    lines = _lines(tokens, form, numbered, growing)
    if sum(1 for line in lines if line.name) < 3 and not growing.facts:
        return
    growing.variant.add("numbered" if numbered else "unnumbered")
    if form.key == "04" and len(expense) == 3:
        growing.variant.add("columns_3")
    for line in lines:
        _put_line(growing, reader, line, keys[line.side])


def _put_line(growing: Growing, reader: str, line: _Line, keys: Sequence[str]) -> None:
    if line.name:
        known = line_index(growing.form.key, line.side).find(line.name, growing.seen(line.side))
        row = known.key if known else bare_name(line.name)
        if known is None:
            growing.notes.append(f"未知项目：{line.name}")
    else:
        row = f"line_{line.number}"
    _put_row(
        growing,
        reader,
        line.figures,
        keys,
        side=line.side,
        row=row,
        line=line.number,
        code=None,
        name=line.name,
        page=line.page,
    )


def _after_ruler(tokens: Sequence[_Token], form: Form, columns: int) -> Sequence[_Token]:
    """The tokens behind the headings: behind 栏次 1 栏次 2 3 4 5, or from the first line's name."""
    last = -1
    for at, token in enumerate(tokens):
        if token.kind is _Kind.TEXT and squeeze(token.text).endswith(("栏次", "次")):
            joined = squeeze("".join(t.text for t in tokens[max(0, at - 1) : at + 1]))
            if joined.endswith("栏次"):
                last = at
    if last >= 0:
        at = last + 1
        expected = 2
        while (
            at < len(tokens)
            and expected < 2 + columns
            and tokens[at].is_integer
            and int(tokens[at].text) == expected
        ):
            at, expected = at + 1, expected + 1
        return tokens[at:]
    starters = _starters(form)
    for at, token in enumerate(tokens):
        # The first name may be wrapped.
        if token.kind is _Kind.TEXT and token.text.startswith("一"):
            words = takewhile(lambda one: one.kind is _Kind.TEXT, tokens[at : at + 3])
            if squeeze("".join(word.text for word in words)).startswith(starters):
                return tokens[at:]
    # A page that goes on without headings.
    return tokens


def _starters(form: Form) -> tuple[str, ...]:
    first = [form.lines_of(side)[0] for side in (Side.INCOME, Side.EXPENSE)]
    titles = [squeeze(title) for line in first for title in (line.title, *line.aliases)]
    return tuple(f"一、{title}" for title in titles)


def _lines(tokens: Sequence[_Token], form: Form, numbered: bool, growing: Growing) -> list[_Line]:
    lines: list[_Line] = []
    # The numbering of lines goes on from page to page.
    seen = growing.numbering
    pending: list[tuple[Side, str, int | None]] = []
    totals = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind is _Kind.TEXT:
            stop = at
            while stop < len(tokens) and tokens[stop].kind is _Kind.TEXT:
                stop += 1
            for name, side in _names_in(_name(tokens[at:stop]), form):
                chosen = side
                if chosen is None:
                    already = (Side.INCOME, "grand_total") in growing.rows or totals
                    chosen = Side.EXPENSE if already else Side.INCOME
                    totals += 1
                if numbered:
                    pending.append((chosen, name, token.page))
                else:
                    lines.append(_Line(chosen, name, None, [], token.page))
            at = stop
            continue
        if numbered and token.is_integer:
            number = int(token.text)
            if pending:
                side, name, page = pending.pop(0)
                lines.append(_Line(side, name, token.text, [], page))
                seen[side] = number
                at += 1
                continue
            following = next((s for s in Side if seen.get(s) and number == seen[s] + 1), None)
            if following is not None:
                lines.append(_Line(following, "", token.text, [], token.page))
                seen[following] = number
                at += 1
                continue
        if lines:
            lines[-1].figures.append(token)
        at += 1
    if numbered:
        return lines
    return [line for line in lines if line.name]


def _names_in(text: str, form: Form) -> Iterator[tuple[str, Side | None]]:
    """Split a run of words into names of lines; the side is None for 总计, which both have."""
    rest = text
    names = _known_names(form)
    while rest:
        body = rest
        ordinal = ""
        match = re.match(r"[（(]?[一二三四五六七八九十]{1,3}[)）]?[、.．]|其中[:：]", rest)
        if match:
            ordinal, body = match[0], rest[match.end() :]
        hit = next((entry for entry in names if squeeze(body).startswith(entry[0])), None)
        if hit is not None:
            printed = _cut(body, len(hit[0]))
            tail = re.match(r"[（(][^（）()]{1,12}[)）]", body[len(printed) :])
            if tail:
                printed += tail[0]
            yield ordinal + printed, hit[1]
            rest = body[len(printed) :]
        elif match:
            # A line that the form does not know; it reaches to the next ordinal or known name.
            following = re.search(r"[一二三四五六七八九十]{1,3}[、.．]", body)
            stop = following.start() if following else len(body)
            yield ordinal + body[:stop], Side.EXPENSE
            rest = body[stop:]
        else:
            rest = rest[1:]


def _cut(text: str, squeezed_length: int) -> str:
    for stop in range(1, len(text) + 1):
        if len(squeeze(text[:stop])) >= squeezed_length:
            return text[:stop]
    return text


def _known_names(form: Form) -> tuple[tuple[str, Side | None], ...]:
    sides: dict[str, set[Side]] = {}
    for side in (Side.INCOME, Side.EXPENSE):
        for title in line_index(form.key, side).titles():
            sides.setdefault(title, set()).add(side)
    named = [(name, next(iter(s)) if len(s) == 1 else None) for name, s in sides.items()]
    return tuple(sorted(named, key=lambda pair: -len(pair[0])))


# --- form 06 ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _PanelRow:
    """A code of form 06, or one of its totals, with what follows it."""

    row: str
    code: str | None
    name: str
    figures: list[_Token]
    page: int | None


def _panels(segment: _Segment, growing: Growing, reader: str) -> None:
    tokens = segment.tokens
    rows: list[_PanelRow] = []
    runs: list[list[_PanelRow]] = []
    current: _PanelRow | None = None
    at = 0
    while at < len(tokens):
        token = tokens[at]
        code, width = _economic_at(tokens, at)
        if code is not None:
            current = _PanelRow(code, code, "", [], token.page)
            rows.append(current)
            at += width
            continue
        if token.kind is _Kind.TEXT:
            stop = at
            while stop < len(tokens) and tokens[stop].kind is _Kind.TEXT:
                stop += 1
            labels = list(_totals_in(_name(tokens[at:stop])))
            end = stop
            if labels:
                end = next((n for n in range(at, stop) if _opens_total(tokens[n].text)), stop)
            if current is not None:
                current.name += _name(tokens[at:end])
            if labels:
                current = None
                runs.append([_PanelRow(key, None, name, [], token.page) for key, name in labels])
            at = stop
            continue
        if current is not None:
            current.figures.append(token)
        else:
            # Labels may stand together before their figures: each takes one, in order.
            waiting = next((total for run in runs for total in run if not total.figures), None)
            if waiting is not None:
                waiting.figures.append(token)
        at += 1
    if len(rows) < 3:
        return
    for run in runs:
        given = sum(1 for total in run if total.figures)
        if 0 < given < len(run):
            growing.notes.append("、".join(total.name for total in run) + "：只有一个数，未采用")
        else:
            rows += run
    for entry in rows:
        _put_row(
            growing,
            reader,
            entry.figures,
            ("amount",),
            side=None,
            row=entry.row,
            line=None,
            code=entry.code,
            name=entry.name,
            page=entry.page,
        )


def _opens_total(text: str) -> bool:
    return bool(re.match(r"人员|公用|合计|总计|合$|总$|人$|公$", squeeze(text)))


def _totals_in(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"人员经费(?:合计|小计)|公用经费(?:合计|小计)|^(?:合计|总计)$", text):
        line = line_index("06", None).find(match[0])
        if line is not None:
            yield line.key, match[0]


def _economic_at(tokens: Sequence[_Token], at: int) -> tuple[str | None, int]:
    token = tokens[at]
    if not token.is_integer or not _ECONOMIC.match(token.text):
        return None, 0
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None:
        return None, 0
    if following.kind is _Kind.TEXT and has_chinese(following.text):
        return token.text, 1
    second = tokens[at + 2] if at + 2 < len(tokens) else None
    if (
        len(token.text) == 3
        and following.is_integer
        and len(following.text) == 2
        and second is not None
        and second.kind is _Kind.TEXT
    ):
        return token.text + following.text, 2
    return None, 0


# --- form 09 ----------------------------------------------------------------------------------


def _single_row(segment: _Segment, growing: Growing, reader: str) -> None:
    form = growing.form
    tokens = list(segment.tokens)
    heading_tokens = []
    while tokens and tokens[0].kind is _Kind.TEXT:
        heading_tokens.append(tokens.pop(0))
    heading = squeeze("".join(token.text for token in heading_tokens))
    if "出国" not in heading or "接待" not in heading:
        _listed(segment, growing, reader)
        return
    ruler = [token.text for token in tokens[:12]]
    if ruler == [str(number) for number in range(1, 13)]:
        tokens = tokens[12:]
    elif ruler[:6] == [str(number) for number in range(1, 7)]:
        tokens = tokens[6:]
    columns = list(form.column_keys())
    if "预算数决算数预算数决算数" in heading:
        half = len(columns) // 2
        columns = [key for pair in zip(columns[:half], columns[half:], strict=True) for key in pair]
        growing.variant.add("pairs")
    figures: list[_Token] = []
    words: list[str] = []
    for token in tokens:
        if token.is_figure:
            figures.append(token)
        else:
            words.append(squeeze(token.text))
    if words and not figures:
        return
    if words and any(word not in ("预算数", "决算数", "合计") for word in words):
        growing.notes.append("表内另有文字：" + "、".join(words[:5]))
    page = (figures or heading_tokens)[0].page
    _put_row(
        growing,
        reader,
        figures,
        columns,
        side=None,
        row="only",
        line=None,
        code=None,
        name="",
        page=page,
    )


def _listed(segment: _Segment, growing: Growing, reader: str) -> None:
    """Items down the page, with 预算数 and 决算数 beside each."""
    tokens = segment.tokens
    if "决算" not in squeeze("".join(token.text for token in tokens[:30])):
        return
    at = 0
    while at < len(tokens):
        stop = at
        while stop < len(tokens) and tokens[stop].kind is _Kind.TEXT:
            stop += 1
        name = squeeze(_name(tokens[at:stop]))
        end = stop
        while end < len(tokens) and tokens[end].is_figure:
            end += 1
        figures = [token for token in tokens[stop:end] if not token.is_integer or "." in token.text]
        item = item_of_three(name[-16:]) if name else None
        if item and len(figures) == 2:
            _put_row(
                growing,
                reader,
                figures,
                (f"budget.{item}", f"actual.{item}"),
                side=None,
                row="only",
                line=None,
                code=None,
                name="",
                page=tokens[stop].page,
            )
        at = max(end, at + 1)


_READERS: Final = {
    "coded": _coded,
    "two_sided": _two_sided,
    "panels": _panels,
    "single_row": _single_row,
}
