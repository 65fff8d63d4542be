"""Rows of a form's grid into facts, layout by layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from disclosures.amounts import CellState, MoneyUnit
from disclosures.forms import bare_name, forms, squeeze
from disclosures.model import Side
from disclosures.reading.grids import Grid, GridCell
from disclosures.reading.headings import (
    CODE,
    ECONOMIC_CODE,
    GLUED_CODE,
    ORDINAL_NAME,
    TOTALS,
    Row,
    align,
    column_texts,
    columns_of,
    is_skipped,
    known_heading,
    match_column,
    pieces_of,
    side_of,
    spanning_of,
    spans_of,
)
from disclosures.reading.joining import Columns, Growing, first_unit, lengthen, put
from disclosures.reading.names import (
    clean,
    has_chinese,
    is_header_word,
    letters,
    line_index,
    loose_letters,
    plain,
    printed_name,
)

UNIT_IN_HEADING: Final = re.compile(r"[（(](?:单位[:：])?(万元|千元|亿元|元)[)）]")
_DOTS: Final = re.compile(r"^[….·。*]+$")


def read_rows(
    grid: Grid,
    before: str,
    head: Sequence[Row],
    body: Sequence[Row],
    words: Sequence[str],
    growing: Growing,
) -> None:
    """Read one page's part of a form into ``growing``.

    ``before`` is the text between the title and the grid, ``words`` are the labels inside it.
    """
    form = growing.form
    if grid.page is not None and grid.page not in growing.pages:
        growing.pages.append(grid.page)
    growing.text += words
    growing.heads |= {tuple(plain(cell.text) for cell in row) for row in head}
    headings = "".join(clean(cell.text) for row in head for cell in row)
    unit = first_unit("\n".join(words)) or first_unit(before)
    if unit is None and (match := UNIT_IN_HEADING.search(headings)):
        unit = MoneyUnit(match[1])
    if unit is not None and not growing.stated_unit:
        growing.unit, growing.stated_unit = unit, True
    if form.layout == "panels":
        _read_panels(grid, head, body, growing)
        return
    if form.layout == "single_row":
        _read_single_row(grid, head, body, growing)
        return
    columns = columns_of(form, head, body) if head or growing.columns is None else None
    if columns is None and growing.columns is not None:
        columns = carried(body, growing.columns)
    if columns is None:
        growing.notes.append(f"第{grid.page or '-'}页：表头未能识别，该部分未读")
        return
    if columns.unmapped:
        growing.notes.append("未采用的列：" + "、".join(columns.unmapped))
    if growing.columns is None or head:
        growing.columns = columns
    if form.layout == "two_sided":
        growing.variant.add("numbered" if columns.lines else "unnumbered")
        for row in body:
            _read_two_sided_row(grid, row, columns, growing)
    else:
        for row in body:
            _read_coded_row(grid, row, columns, growing)


def carried(body: Sequence[Row], known: Columns) -> Columns | None:
    """The columns of the previous page for a page without headings."""
    width = max((len(row) for row in body), default=0)
    if width == known.count:
        return known
    aligned = align(spans_of(body, width), known)
    if not aligned:
        return None
    new = Columns(width)
    for here, there in aligned.items():
        if there in known.names:
            new.names[here] = known.names[there]
        elif there in known.lines:
            new.lines[here] = known.lines[there]
        elif there in known.values:
            new.values[here] = known.values[there]
        elif there in known.codes:
            new.codes = (*new.codes, here)
    new.spans = spans_of(body, width)
    return new if new.values and new.names else None


def _cell(row: Row, index: int) -> GridCell:
    return row[index] if index < len(row) else GridCell("")


def _read_two_sided_row(grid: Grid, row: Row, columns: Columns, growing: Growing) -> None:
    starts = sorted(columns.names)
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else columns.count
        side = columns.names[start]
        name = printed_name(_cell(row, start).text)
        if side is None:
            guess = side_of(growing.form, name)
            past = growing.rows.get((Side.INCOME, "grand_total"))
            side = guess or (Side.EXPENSE if past else Side.INCOME)
        line_text = next(
            (
                plain(_cell(row, index).text)
                for index in columns.lines
                if start < index < stop and plain(_cell(row, index).text)
            ),
            None,
        )
        values = {index: key for index, (_, key) in columns.values.items() if start < index < stop}
        blank = not any(plain(_cell(row, index).text) for index in values)
        if not name and line_text is None:
            if not blank:
                growing.notes.append(f"第{grid.page or '-'}页有一行数字没有项目名称，未采用")
            continue
        if plain(name) in ("栏次", "项目") or (_DOTS.match(name) and blank):
            continue
        if not name:
            key = f"line_{line_text}"
        else:
            index_ = line_index(growing.form.key, side)
            line = index_.find(name, growing.seen(side))
            if line is None and blank and line_text is None and growing.last_row:
                # The rest of a name that was cut by a page end.
                if not ORDINAL_NAME.match(plain(name)):
                    lengthen(growing, growing.last_row, name)
                continue
            key = line.key if line else bare_name(name)
            if line is None:
                growing.notes.append(f"未知项目：{name}")
            else:
                name = _ordered(name, (line.title, *line.aliases))
        for index, column in values.items():
            put(
                growing,
                grid,
                side=side,
                row=key,
                line=line_text,
                code=None,
                name=name,
                column=column,
                cell=_cell(row, index),
            )
        growing.last_row = (side, key)


def _ordered(name: str, titles: Sequence[str]) -> str:
    """A name whose letters a reader returned out of order, as it must have been printed."""
    squeezed = squeeze(name)
    if any(bare_name(name).startswith(bare_name(title)) for title in titles):
        return name
    for title in titles:
        rest = list(squeezed)
        for letter in squeeze(title):
            if letter not in rest:
                break
            rest.remove(letter)
        else:
            if loose_letters("".join(rest)):
                continue
            comma = "、" if "、" in rest else ""
            return "".join(letter for letter in rest if letter != "、") + comma + title
    return name


def _code_and_name(row: Row, columns: Columns, previous: str | None) -> tuple[str | None, str]:
    """Code and name of a row; 类, 款 and 项 may stand in columns of their own."""
    name_at = next(iter(columns.names))
    parts = [plain(_cell(row, index).text) for index in columns.codes]
    parts = [re.sub(r"\.0+$", "", part) for part in parts]
    name = printed_name(_cell(row, name_at).text)
    labels = [part for part in parts if part and not part.isdigit() and has_chinese(part)]
    digits = "".join(part for part in parts if part.isdigit())
    if not digits and labels and not name:
        name = "".join(printed_name(_cell(row, i).text) for i in columns.codes)
    if digits and not CODE.match(digits) and previous and len(digits) in (2, 4):
        # 类 is printed once and left blank below.
        digits = previous[: 3 if len(digits) == 4 or len(parts) == 2 else 5] + digits
    if not digits:
        glued = GLUED_CODE.match(re.sub(r"\s+", "", clean("".join([*parts, name]))))
        if glued and has_chinese(glued[2]):
            digits, name = glued[1], glued[2]
    if CODE.match(digits):
        return digits, name
    return (digits or None), name


def _read_coded_row(grid: Grid, row: Row, columns: Columns, growing: Growing) -> None:
    last = growing.last_row
    code, name = _code_and_name(row, columns, last[1] if last and last[1].isdigit() else None)
    cells = {key: _cell(row, index) for index, (_, key) in columns.values.items()}
    blank = not any(plain(cell.text) for cell in cells.values())
    bare = plain(name)
    if not code and (not bare or _DOTS.match(bare)) and blank:
        return
    key: str
    if code is None and (bare in TOTALS or letters(bare) == letters("合计")):
        key, name = "total", name
    elif code is None:
        if bare in ("类款项", "栏次") or (blank and is_header_word(bare)):
            return
        if last is not None and last[1].isdigit():
            before = [growing.facts[k] for k in growing.rows.get(last, [])]
            if blank:
                lengthen(growing, last, name)
                return
            if all(fact.state is CellState.BLANK for fact in before):
                # Code and first half of the name stand in the row above.
                lengthen(growing, last, name)
                first = growing.facts[growing.rows[last][0]]
                code, name, key = last[1], first.name, last[1]
            else:
                growing.notes.append(f"没有科目编码的行：{name}")
                key = bare
        elif not bare:
            growing.notes.append(f"第{grid.page or '-'}页有一行数字没有项目名称，未采用")
            return
        else:
            growing.notes.append(f"没有科目编码的行：{name}")
            key = bare
    else:
        if not CODE.match(code):
            growing.notes.append(f"科目编码无法识别：{code}")
        key = code
    for column, cell in cells.items():
        put(
            growing,
            grid,
            side=None,
            row=key,
            line=None,
            code=code,
            name=name,
            column=column,
            cell=cell,
        )
    growing.last_row = (None, key)


def _panel_starts(body: Sequence[Row], width: int) -> list[int]:
    """Columns that hold economic codes."""
    starts = []
    for index in range(width):
        texts = [text for text in column_texts(body, index) if text]
        codes = sum(1 for text in texts if ECONOMIC_CODE.match(text))
        labels = sum(1 for text in texts if text in ("人员经费合计", "公用经费合计", "合计"))
        if codes and codes * 2 >= len(texts) - labels:
            starts.append(index)
    return starts


def _read_panels(grid: Grid, head: Sequence[Row], body: Sequence[Row], growing: Growing) -> None:
    """Form 06: code, name and amount two or three times side by side, or once in a list."""
    width = max((len(row) for row in (*head, *body)), default=0)
    pieces = pieces_of(head, width)
    starts = _panel_starts(body, width)
    if head or growing.columns is None:
        growing.columns = Columns(width, spans=spans_of((*head, *body), width))
    extra: dict[int, str] = {}
    panels: dict[int, int] = {}
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else width
        amount = _panel_amount(pieces, body, start, stop, extra if len(starts) == 1 else {})
        if amount is None and width == growing.columns.count:
            # A page without headings whose column of figures is blank.
            amount = growing.panels.get(start)
        if amount is None:
            growing.notes.append(f"第{grid.page or '-'}页：未能确定金额栏，该部分未读")
        else:
            panels[start] = amount
    growing.panels |= panels
    for row in body:
        if _read_panel_totals(grid, row, growing, extra):
            continue
        for start, amount in panels.items():
            _read_panel_row(grid, row, start, amount, growing)


def _panel_amount(
    pieces: Sequence[Sequence[str]],
    body: Sequence[Row],
    start: int,
    stop: int,
    extra: dict[int, str],
) -> int | None:
    """The column of figures of the panel that begins at ``start``."""
    names = Counter(
        index
        for row in body
        for index in range(start, min(stop, len(row)))
        if has_chinese(row[index].text)
    )
    if not names:
        return None
    name = max(names, key=lambda index: names[index])
    candidates = [
        index
        for index in range(name + 1, stop)
        if (pieces[index] or any(column_texts(body, index))) and not is_skipped(pieces[index])
    ]
    for index in candidates:
        words = [known_heading(piece) for piece in pieces[index]]
        if len(candidates) > 1 and any(word in ("人员经费", "公用经费") for word in words[-1:]):
            extra[index] = words[-1]
    candidates = [index for index in candidates if index not in extra]
    if len(candidates) > 1:
        wanted_column = forms()["06"].columns_of()[0]
        wanted = [
            index
            for index in candidates
            if any(match_column([piece], wanted_column) >= 4 for piece in pieces[index])
            or any(piece in ("合计", "小计", "基本支出", "本年支出") for piece in pieces[index])
        ]
        filled = [index for index in candidates if any(column_texts(body, index))]
        candidates = wanted or filled or candidates
    return candidates[0] if candidates else None


def _read_panel_row(grid: Grid, row: Row, start: int, amount: int, growing: Growing) -> None:
    parts: list[str] = []
    name = ""
    for index in range(start, amount):
        text = clean(_cell(row, index).text)
        squeezed = re.sub(r"\s+", "", text)
        glued = GLUED_CODE.match(squeezed)
        if squeezed.isdigit():
            parts.append(squeezed)
        elif glued and not parts:
            parts.append(glued[1])
            name += glued[2]
        else:
            name += squeezed
    code = "".join(parts)
    cell = _cell(row, amount)
    if not code:
        if name and growing.last_row and not plain(cell.text) and has_chinese(name):
            growing.notes.append(f"没有科目编码的名称：{name}")
        elif plain(cell.text):
            growing.notes.append(f"第{grid.page or '-'}页有数字没有科目编码：{clean(cell.text)}")
        return
    if not re.fullmatch(r"3\d{2}(?:\d{2})?", code):
        growing.notes.append(f"科目编码无法识别：{code}")
    put(
        growing,
        grid,
        side=None,
        row=code,
        line=None,
        code=code,
        name=name,
        column="amount",
        cell=cell,
    )
    growing.last_row = (None, code)


def _read_panel_totals(grid: Grid, row: Row, growing: Growing, extra: dict[int, str]) -> bool:
    """人员经费合计 and 公用经费合计 in whatever cells they stand: a figure follows its label."""
    index_ = line_index("06", None)
    labels: list[tuple[int, str, str]] = []
    for number, cell in enumerate(row):
        line = index_.find(cell.text) if has_chinese(cell.text) else None
        if line is None:
            merged = re.match(r"^(\D+?)([\d,.]+)$", plain(cell.text))
            line = index_.find(merged[1]) if merged else None
        if line is not None:
            labels.append((number, line.key, printed_name(cell.text)))
    if not labels or any(ECONOMIC_CODE.match(plain(cell.text)) for cell in row):
        return False
    for place_, (number, key, name) in enumerate(labels):
        stop = labels[place_ + 1][0] if place_ + 1 < len(labels) else len(row)
        following = [cell for cell in row[number + 1 : stop] if plain(cell.text)]
        inside = re.search(r"[\d,]+\.\d+$", plain(row[number].text))
        cell = following[0] if following else _cell(row, stop - 1 if stop - 1 > number else number)
        if inside:
            cell, name = GridCell(inside[0], row[number].bbox), name[: -len(inside[0])]
        elif not following and stop - 1 <= number:
            cell = GridCell("")
        put(
            growing,
            grid,
            side=None,
            row=key,
            line=None,
            code=None,
            name=name,
            column="amount",
            cell=cell,
        )
        if key == "total":
            for index, word in extra.items():
                split = "personnel_total" if word == "人员经费" else "public_total"
                put(
                    growing,
                    grid,
                    side=None,
                    row=split,
                    line=None,
                    code=None,
                    name=f"{word}合计",
                    column="amount",
                    cell=_cell(row, index),
                )
    return True


# --- form 09 ----------------------------------------------------------------------------------


def item_of_three(path: str) -> str | None:
    """Which of the six items of 三公 a (joined) heading means."""
    text = re.sub(r"^[\d一二三四五六]+[.、]|^其中:|\((?:\d|[一二三四])\)", "", path)
    if "出国" in text:
        return "overseas"
    if "接待" in text or "招待" in text:
        return "hospitality"
    if "用车" in text or "购置" in text or "运行" in text:
        tail = text.rsplit("|", 1)[-1]
        bare = tail.replace("公务用车购置及运行", "")
        if "小计" in tail or "合计" in tail or bare != tail:
            return "vehicles"
        if "购置" in tail:
            return "vehicle_purchase"
        if "运行" in tail or "维护" in tail:
            return "vehicle_operation"
        return "vehicles" if "购置" in text and "运行" in text else None
    if "合计" in text or "小计" in text or "总计" in text:
        return "total"
    return None


def group_of_three(path: str) -> str | None:
    if "预算" in path and "决算" not in path.replace("预决算", ""):
        return "budget"
    return "actual" if "决算" in path or "支出数" in path else None


def _is_group_label(row: Row) -> bool:
    texts = [plain(cell.text) for cell in row]
    return bool(group_of_three(texts[0])) and not any(texts[1:])


def _read_single_row(
    grid: Grid, head: Sequence[Row], body: Sequence[Row], growing: Growing
) -> None:
    """Form 09 as twelve in a row, six pairs, two rows or a list of items."""
    width = max((len(row) for row in (*head, *body)), default=0)
    if not body:
        # 预算数 and 决算数 over nothing but blanks look like headings.
        body = [row for row in head if _is_group_label(row)]
        head = [row for row in head if not _is_group_label(row)]
    paths = spanning_of(head, width)
    filled = [row for row in body if any(plain(cell.text) for cell in row)]
    items = [plain(cell.text) for row in filled for cell in row[:2] if has_chinese(cell.text)]
    if sum(1 for text in items if item_of_three(text)) >= 4:
        _read_listed_items(grid, paths, filled, growing)
        return
    groups = [group_of_three("|".join(path)) for path in paths]
    keyed: dict[int, str] = {}
    adjusted = any("全年" in word or "调整" in word for path in paths for word in path)
    for index, path in enumerate(paths):
        if adjusted and any("年初" in word for word in path):
            # The form compares with the budget of the full year where both are printed.
            continue
        # A title above all columns ("财政拨款“三公”经费") says nothing about one of them.
        own = [word for word in path if group_of_three(word) is None or "经费" in word]
        item = item_of_three("|".join(word for word in own if "三公" not in word))
        if item and groups[index]:
            keyed[index] = f"{groups[index]}.{item}"
        elif item:
            keyed[index] = item
    stated = [key for key in keyed.values() if "." in key]
    if len(stated) > 6:
        pairs = [key.split(".")[0] for key in stated]
        growing.variant.add("pairs" if pairs[:2] == ["budget", "actual"] else "twelve_in_row")
    else:
        growing.variant.add("two_rows")
    if len(set(keyed.values())) != len(keyed):
        growing.notes.append("三公经费表的表头有重复，未能逐列确定")
        repeated = {key for key, count in Counter(keyed.values()).items() if count > 1}
        keyed = {index: key for index, key in keyed.items() if key not in repeated}
    left = ["|".join(path) for i, path in enumerate(paths) if i not in keyed and path]
    used = [plain(cell.text) for row in filled for cell in row if re.search(r"\d", cell.text)]
    if left and len(used) > len(keyed):
        growing.notes.append("未采用的列：" + "、".join(left))
    # A blank row is a row of blanks: the figures are none, and the form is printed.
    rows = filled or [tuple(GridCell("") for _ in range(width))]
    for row in rows:
        group = next(filter(None, (group_of_three(plain(cell.text)) for cell in row)), None)
        for index, key in keyed.items():
            column = key if "." in key else (f"{group}.{key}" if group else None)
            if column is None:
                continue
            if group and "." in key and not key.startswith(group):
                continue
            cell = _cell(row, index)
            if plain(cell.text) in TOTALS:
                # Shanghai's template labels the row of figures in its first money cell.
                cell = GridCell("", cell.bbox)
            put(
                growing,
                grid,
                side=None,
                row="only",
                line=None,
                code=None,
                name="",
                column=column,
                cell=cell,
            )


def _read_listed_items(
    grid: Grid, paths: Sequence[Sequence[str]], rows: Sequence[Row], growing: Growing
) -> None:
    growing.variant.add("listed")
    groups: dict[str, int] = {}
    for index, path in enumerate(paths):
        group = group_of_three("|".join(path))
        if group and (group not in groups or "全年" in "".join(path)):
            groups[group] = index
    for row in rows:
        label = next((plain(cell.text) for cell in row if has_chinese(cell.text)), "")
        item = "total" if "三公" in label and "合计" not in label[:2] else item_of_three(label)
        if item is None:
            growing.notes.append(f"未采用的行：{label}")
            continue
        for group, index in groups.items():
            put(
                growing,
                grid,
                side=None,
                row="only",
                line=None,
                code=None,
                name="",
                column=f"{group}.{item}",
                cell=_cell(row, index),
            )
