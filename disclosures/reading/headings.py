"""Headings of a grid: where they end, which forms they can belong to, which column is which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from disclosures.forms import Column, Form, squeeze
from disclosures.model import Box, Side
from disclosures.reading.grids import GridCell
from disclosures.reading.joining import UNIT, Columns
from disclosures.reading.names import (
    clean,
    has_chinese,
    header_words,
    is_header_word,
    letters,
    line_index,
    plain,
    wording,
)

#: Text beside a table: notes and remarks.
NOTE: Final = re.compile(
    r"^(?:注|备注|说明|附注)\d*[:：]|^(?:注|备注|说明)\d*[、.．]|^\d?[.、]?本表反映"
)
_LABEL: Final = re.compile(
    r"^(?:编制|填报|公开)?(?:部门|单位|金额单位)(?:名称)?(?:\([^)]*\))?[:：]"
    r"|^公开\d*表$|^\d{4}年度?$"
)
_DECIMAL: Final = re.compile(r"\d[.．]\d")
CODE: Final = re.compile(r"^\d{3}(?:\d{2}(?:\d{2})?)?$")
ECONOMIC_CODE: Final = re.compile(r"^(3\d{2}(?:\d{2})?)(?=[^\d.,]|$)")
GLUED_CODE: Final = re.compile(r"^(\d{7}|\d{5}|\d{3})\s*([^\d.,].*)$", re.DOTALL)
ORDINAL_NAME: Final = re.compile(
    r"^[一二三四五六七八九十]{1,3}[、.．,]?[\u4e00-\u9fff]{3,}|^.{0,3}[一二三四五六七八九十]+[、.．]"
)
_RULE: Final = re.compile(r"^[-—=_:\s]*$")
TOTALS: Final = frozenset({"合计", "总计", "总合计"})

Row = tuple[GridCell, ...]


def filled_cells(row: Row) -> list[GridCell]:
    return [cell for cell in row if plain(cell.text) and not _RULE.match(clean(cell.text))]


def is_body(row: Row) -> bool:
    """Whether a row cannot be a heading: it has a figure, a code with a name or a line's name."""
    texts = [plain(cell.text) for cell in row]
    filled = [text for text in texts if text]
    if not filled:
        return False
    if any(_DECIMAL.search(text) and not has_chinese(text) for text in filled):
        return True
    first = next(index for index, text in enumerate(texts) if text)
    others = [text for text in filled[1:] if has_chinese(text)]
    if (CODE.match(filled[0]) or GLUED_CODE.match(clean(filled[0]))) and len(filled) > 1:
        return has_chinese("".join(filled))
    for text in filled:
        if len(text) > 3 and ORDINAL_NAME.match(text) and not is_header_word(text):
            return True
    ends = {"合计", "总计", "本年支出合计", "支出总计", "公用经费合计", "公用经费小计"}
    opens = {*TOTALS, "本年收入合计", "收入总计", "人员经费合计", "人员经费小计"}
    if filled[0] in opens and all(text in ends for text in others):
        return True
    # 一般公共预算财政拨款 heads a column of 04 and names a line of it, which has a 行次.
    numbered = len(filled) > 1 and bool(_ONE_OR_TWO_DIGITS.fullmatch(filled[1]))
    return (
        first <= 1
        and (numbered or not is_header_word(filled[0]))
        and any(
            line_index(key, side).find(filled[0])
            for key in ("01", "04")
            for side in (Side.INCOME, Side.EXPENSE)
        )
    )


_ONE_OR_TWO_DIGITS: Final = re.compile(r"\d{1,2}")
_FULL_ECONOMIC: Final = re.compile(r"3\d{2}(?:\d{2})?")
_FULL_FUNCTIONAL: Final = re.compile(r"2\d{2}(?:\d{2})?(?:\d{2})?")
_UNIT_OR_NUMBER: Final = re.compile(r"\((?:单位:)?(?:万元|千元|元|亿元)\)|^\d+[.、]|\(\d+\)$")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_WHOLE: Final = re.compile(r"-?\d{1,3}(?:,\d{3})+|-?\d+")


def _is_ruler(row: Row) -> bool:
    """The row of 栏次: consecutive integers under the columns."""
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    if any(text in ("栏次", "栏目", "列次") for text in filled):
        return True
    numbers = [int(text) for text in filled if _ONE_OR_TWO_DIGITS.fullmatch(text)]
    return (
        len(numbers) >= 2
        and len(numbers) == len(filled)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and numbers[0] <= 2
    )


def _is_whole_figures(row: Row) -> bool:
    """A row of nothing but whole numbers, as workbooks keep amounts of 元: form 09 has no other."""
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    if _is_ruler(row) or not all(_WHOLE.fullmatch(text) for text in filled):
        return False
    # A number alone may be that of a page or a year.
    return len(filled) > 1 or any(len(t) > 4 for t in filled)


def _is_named_figures(row: Row) -> bool:
    """A name with nothing but whole numbers behind it, as workbooks show zeros (决算数 0 0 0)."""
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    if len(filled) < 3 or not has_chinese(filled[0]) or _is_ruler(row):
        return False
    figures = filled[1:]
    if not all(_WHOLE.fullmatch(text) and not _YEAR.fullmatch(text) for text in figures):
        return False
    # 1, 2, 3 number the columns, whatever the row is called.
    numbers = [int(text.replace(",", "")) for text in figures]
    return any(later - earlier != 1 for earlier, later in pairwise(numbers))


def _is_heading(row: Row) -> bool:
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    return bool(filled) and (_is_ruler(row) or all(is_header_word(text) for text in filled))


def split_rows(rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[str]]:
    """Headings, body and the words around them (labels, notes) of one grid."""
    head: list[Row] = []
    body: list[Row] = []
    words: list[str] = []
    for row in rows:
        filled = filled_cells(row)
        if not filled:
            continue
        first = clean(filled[0].text)
        if NOTE.match(first) or _LABEL.match(squeeze(first)):
            words += [clean(cell.text) for cell in filled]
            continue
        if body:
            repeated = len(filled) > 1 and any(_same_row(row, known) for known in head)
            if not repeated and not (_is_ruler(row) and not is_body(row)):
                if len(filled) == 1 and len(plain(first)) > 30 and not GLUED_CODE.match(first):
                    words.append(first)
                else:
                    body.append(row)
            continue
        whole = head and (_is_whole_figures(row) or _is_named_figures(row))
        if is_body(row) or _is_blank_line(row, head) or whole:
            body.append(row)
        elif _is_heading(row) and (head or len(filled) > 1 or is_header_word(plain(first))):
            head.append(row)
        elif head and len(filled) > 1:
            # Headings that are not in the vocabulary, or a body that starts with blanks.
            (head if not any(CODE.match(plain(c.text)) for c in filled) else body).append(row)
        elif UNIT.search(first) or len(filled) <= 2:
            words += [clean(cell.text) for cell in filled]
        else:
            head.append(row)
    if not body and head:
        # Shanghai prints 小计, 基本支出 and 项目支出 in the row that holds the empty 合计.
        for row in reversed(head):
            if plain(row[0].text) in TOTALS and len(filled_cells(row)) > 1:
                body.append((row[0], *(GridCell("", cell.bbox) for cell in row[1:])))
                break
    return head, body, words


def _is_blank_line(row: Row, head: Sequence[Row]) -> bool:
    """Whether a row of words alone is a line of 01 or 04 without figures.

    At the top of a page a line like 国有资本经营预算财政拨款 reads like a heading, but it stands
    below the heading 项目.
    """
    names = [(index, plain(cell.text)) for index, cell in enumerate(row) if plain(cell.text)]
    return bool(names) and all(
        any(index < len(above) and plain(above[index].text).startswith("项目") for above in head)
        and any(line_index(key, side).find(name) for key in ("01", "04") for side in Side)
        for index, name in names
    )


def _same_row(one: Row, other: Row) -> bool:
    return [plain(cell.text) for cell in one] == [plain(cell.text) for cell in other]


# --- headings ---------------------------------------------------------------------------------


def pieces_of(head: Sequence[Row], width: int) -> list[list[str]]:
    """Per column the squeezed headings of its own, top to bottom, without the 栏次 row."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in head:
        if _is_ruler(row):
            continue
        for index, cell in enumerate(row[:width]):
            text = plain(cell.text)
            if text:
                columns[index].append(text)
    return columns


def spanning_of(head: Sequence[Row], width: int) -> list[list[str]]:
    """Per column all headings above it, those of merged cells to its left included."""
    columns: list[list[str]] = [[] for _ in range(width)]
    own = [0] * width
    for row in head:
        if _is_ruler(row):
            continue
        last = ""
        for index in range(width):
            text = plain(row[index].text) if index < len(row) else ""
            if text:
                last = text
                own[index] += 1
                columns[index].append(text)
            elif own[index]:
                last = ""
            elif last:
                columns[index].append(last)
    return columns


def signature(head: Sequence[Row], body: Sequence[Row]) -> set[str]:
    """The forms that a grid can be by its headings and codes."""
    width = max((len(row) for row in (*head, *body)), default=0)
    words = [known_heading(text) for column in pieces_of(head, width) for text in column]
    whole = "|".join(words)
    names = [plain(cell.text) for row in body for cell in row]
    if "出国" in whole and "接待" in whole:
        return {"09"}
    items = "|".join(names)
    if "因公出国" in items and "公务接待" in items and not any(map(ECONOMIC_CODE.match, names)):
        return {"09"} if "决算" in whole and "机关运行经费" not in items else set()
    economic = [name for name in names if _FULL_ECONOMIC.fullmatch(name)]
    functional = [name for name in names if _FULL_FUNCTIONAL.fullmatch(name)]
    if len(economic) >= 2 and len(economic) > len(functional):
        return {"06"}
    if ("上级补助收入" in whole or "附属单位上缴收入" in whole) and "财政拨款收入" in whole:
        return {"02"}
    if "上缴上级支出" in whole or "对附属单位补助支出" in whole:
        return {"03"}
    lines = 0 if functional else _line_names(names)
    if words.count("项目") >= 2 or lines >= 3:
        if any("一般公共预算财政拨款" in word for word in words):
            return {"04"}
        if "收入" in words or "行次" in words or lines >= 3:
            return {"01"} if lines < 3 or "事业收入" in items else {"01", "04"}
    if "年初结转" in whole and "年末结转" in whole and "本年收入" in whole:
        return {"07", "08"}
    if "基本支出" in words and "项目支出" in words:
        return {"05", "07", "08"}
    if "人员经费" in whole and "公用经费" in whole:
        return {"06"}
    return set()


def _line_names(names: Sequence[str]) -> int:
    index = line_index("01", Side.EXPENSE)
    return sum(1 for name in names if len(name) > 4 and index.find(name))


_BY_LETTERS: dict[str, str] = {}


def known_heading(word: str) -> str:
    """A heading in its proper order of letters."""
    if not _BY_LETTERS:
        _BY_LETTERS.update({letters(known): known for known in header_words()})
    return word if word in header_words() else _BY_LETTERS.get(letters(word), word)


def match_column(pieces: Sequence[str], column: Column) -> int:
    """How well the headings of a printed column fit a column of the form, 0 to 6."""
    if not pieces:
        return 0
    titles = [squeeze(title) for title in (column.title, *column.aliases)]
    last, joined = known_heading(_bare(pieces[-1])), known_heading(_bare("".join(pieces)))
    if last in titles or joined in titles:
        return 6
    # A heading cut over the rows: any tail of the pieces.
    for start in range(1, len(pieces) - 1):
        if known_heading(_bare("".join(pieces[start:]))) in titles:
            return 5
    if any(known_heading(_bare(piece)) in titles for piece in pieces):
        return 4
    bag = letters(joined)
    if any(len(title) >= 4 and letters(title) == bag for title in titles):
        return 4
    if any(len(title) >= 4 and (title in joined or joined in title) for title in titles if joined):
        return 2 if len(joined) >= 2 else 0
    return 0


@lru_cache(maxsize=16384)
def _bare(piece: str) -> str:
    return _UNIT_OR_NUMBER.sub("", piece)


def _assign(printed: Sequence[tuple[int, list[str]]], columns: Sequence[Column]) -> dict[int, str]:
    """Map printed columns to keys, in printed order, maximising the fit of headings.

    When as many columns are printed as the form has, a heading that was not understood takes
    the place that is left, provided that the others stand in theirs.
    """
    rows, cols = len(printed), len(columns)
    fits = [[match_column(pieces, column) for column in columns] for _, pieces in printed]
    best = [[0] * (cols + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(cols - 1, -1, -1):
            fit = fits[i][j]
            taken = best[i + 1][j + 1] + fit if fit else 0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], taken)
    mapped: dict[int, str] = {}
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j < cols:
        fit = fits[i][j]
        if fit and best[i][j] == best[i + 1][j + 1] + fit:
            mapped[printed[i][0]] = columns[j].key
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    for wanted in (
        list(range(cols)),
        [index for index, column in enumerate(columns) if not column.optional],
    ):
        if rows == len(wanted) and all(wanted[i] == j for i, j in pairs):
            return {printed[i][0]: columns[wanted[i]].key for i in range(rows)}
    return mapped


def spans_of(rows: Sequence[Row], width: int) -> tuple[Box | None, ...]:
    """The narrowest box met in each column."""
    spans: list[Box | None] = [None] * width
    for row in rows:
        for index, cell in enumerate(row[:width]):
            box = cell.bbox
            known = spans[index]
            if box and (known is None or box[2] - box[0] < known[2] - known[0] - 0.5):
                spans[index] = box
    return tuple(spans)


def align(spans: Sequence[Box | None], columns: Columns) -> dict[int, int]:
    """New column index -> known column index by horizontal position; empty when it fails."""
    aligned: dict[int, int] = {}
    for new, box in enumerate(spans):
        if box is None:
            continue
        middle = (box[0] + box[2]) / 2
        for old, known in enumerate(columns.spans):
            if known and known[0] - 1 <= middle <= known[2] + 1 and old not in aligned.values():
                aligned[new] = old
                break
        else:
            return {}
    return aligned


# --- columns of each layout -------------------------------------------------------------------


def columns_of(form: Form, head: Sequence[Row], body: Sequence[Row]) -> Columns | None:
    width = max((len(row) for row in (*head, *body)), default=0)
    found: Columns | None
    if form.layout == "two_sided":
        found = _two_sided_columns(form, head, body, width)
    elif form.layout == "coded":
        found = _coded_columns(form, head, body, width)
    else:
        found = None
    if found is not None:
        found.spans = spans_of((*head, *body), width)
    return found


def is_skipped(pieces: Sequence[str]) -> bool:
    words = wording()["not_value_columns"]
    return any(squeeze(word) == piece for piece in pieces for word in words)


def _two_sided_columns(
    form: Form, head: Sequence[Row], body: Sequence[Row], width: int
) -> Columns | None:
    pieces = pieces_of(head, width)
    starts = [index for index, column in enumerate(pieces) if "项目" in map(known_heading, column)]
    if not starts:
        starts = [
            index
            for index in range(width)
            if sum(1 for name in column_texts(body, index) if side_of(form, name)) >= 2
        ]
    if not starts:
        return None
    starts = starts[:2]
    sides: list[Side | None]
    if len(starts) == 2:
        sides = [Side.INCOME, Side.EXPENSE]
    else:
        votes = Counter(side_of(form, name) for name in column_texts(body, starts[0]))
        both = votes[Side.INCOME] > 2 and votes[Side.EXPENSE] > 2
        sides = [
            None
            if both
            else Side.INCOME
            if votes[Side.INCOME] >= votes[Side.EXPENSE]
            else Side.EXPENSE
        ]
    columns = Columns(width)
    unmapped: list[str] = []
    for number, (start, side) in enumerate(zip(starts, sides, strict=True)):
        stop = starts[number + 1] if number + 1 < len(starts) else width
        columns.names[start] = side
        printed: list[tuple[int, list[str]]] = []
        for index in range(start + 1, stop):
            if "行次" in map(known_heading, pieces[index]) or (
                not pieces[index] and _is_numbering(column_texts(body, index))
            ):
                columns.lines[index] = side
            elif not is_skipped(pieces[index]) and (
                pieces[index] or any(column_texts(body, index))
            ):
                printed.append((index, [p for p in pieces[index] if p not in ("收入", "支出")]))
        wanted = form.columns_of(side or Side.EXPENSE)
        mapped = _assign(printed, wanted)
        unmapped += ["".join(texts) for index, texts in printed if index not in mapped]
        columns.values |= {index: (side, key) for index, key in mapped.items()}
    columns.unmapped = tuple(filter(None, unmapped))
    return columns if columns.values else None


def side_of(form: Form, name: str) -> Side | None:
    """The side that a line's name belongs to, None when it fits both or neither."""
    if not has_chinese(name):
        return None
    sides = [side for side in (Side.INCOME, Side.EXPENSE) if line_index(form.key, side).find(name)]
    return sides[0] if len(sides) == 1 else None


def column_texts(rows: Sequence[Row], index: int) -> list[str]:
    return [plain(row[index].text) if index < len(row) else "" for row in rows]


def _is_numbering(texts: Sequence[str]) -> bool:
    numbers = [int(text) for text in texts if re.fullmatch(r"\d{1,3}", text)]
    filled = [text for text in texts if text]
    if len(numbers) < 3 or len(numbers) < len(filled) * 0.9:
        return False
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    return sum(step == 1 for step in steps) >= len(steps) * 0.8


def _coded_columns(
    form: Form, head: Sequence[Row], body: Sequence[Row], width: int
) -> Columns | None:
    pieces = pieces_of(head, width)
    name = _name_column(pieces, body, width)
    if name is None:
        return None
    columns = Columns(width, names={name: None}, codes=tuple(range(name)))
    printed = [
        (index, pieces[index])
        for index in range(name + 1, width)
        if not is_skipped(pieces[index]) and (pieces[index] or any(column_texts(body, index)))
    ]
    mapped = _assign(printed, form.columns_of())
    columns.values = {index: (None, key) for index, key in mapped.items()}
    columns.unmapped = tuple(
        "".join(texts) for index, texts in printed if index not in mapped and texts
    )
    return columns if columns.values else None


def _name_column(pieces: Sequence[Sequence[str]], body: Sequence[Row], width: int) -> int | None:
    for index, column in enumerate(pieces):
        if any(known_heading(piece).endswith("名称") for piece in column):
            return index
    chinese = Counter(
        index
        for row in body
        for index, cell in enumerate(row)
        if has_chinese(cell.text) and plain(cell.text) not in TOTALS
    )
    if chinese:
        return min(index for index, count in chinese.items() if count == max(chinese.values()))
    named = [
        index
        for index, column in enumerate(pieces)
        if any(known_heading(piece) in ("项目", "项", "科目") for piece in column)
    ]
    if not named:
        return 0 if width > 1 and body else None
    first = named[-1]
    # 项目 may span code and name.
    while first + 1 < width and not pieces[first + 1]:
        first += 1
    return first
