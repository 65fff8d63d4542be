"""The nine forms and the performance forms as tables, before any file format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.forms import Column, Form, expense_classes, forms
from disclosures.model import Side
from disclosures.rendering.figures import (
    CodedFigures,
    Figures,
    FormFigures,
    PanelFigures,
    PanelItem,
    SelfEvaluation,
    SummaryTable,
    ThreePublicFigures,
    TwoSidedFigures,
    load_strings,
)
from disclosures.rendering.layout import ExtraTable, Layout, TopLine
from disclosures.rendering.numbers import chinese, in_unit, restyle

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Stated:
    """The figure behind a printed cell, under the keys of ``disclosures.model.Fact``.

    ``figure`` is as given, in ``unit``, before any restyling.
    """

    form: str
    side: Side | None
    row: str
    column: str
    figure: str
    unit: MoneyUnit


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed cell; cells covered by a span are left out of their rows."""

    text: str = ""
    colspan: int = 1
    rowspan: int = 1
    align: Align = "left"
    heading: bool = False
    amount: bool = False
    states: Stated | None = None
    """Which cell of a form this is and the figure it stands for; None in all other cells."""


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table. ``widths`` are relative; ``top`` are the lines above it, title included."""

    title: str
    top: tuple[TopLine, ...]
    widths: tuple[float, ...]
    header: tuple[Row, ...]
    body: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    key: str = ""
    mark: str = ""
    place: int = 0
    landscape: bool = False
    total_row: int | None = None
    """Index in ``body`` of the 合计 row that continuation pages may repeat."""

    @property
    def columns(self) -> int:
        return len(self.widths)


@cache
def standard() -> dict[str, Any]:
    """Standard footnotes and terms."""
    raw = load_strings((files(__package__) / "standard.yaml").read_text(encoding="utf-8"))
    assert isinstance(raw, dict)
    return raw


#: What stands in columns beside 三公: it belongs to none of the nine forms.
_BESIDE = "1.37"

_NAME, _CODE, _AMOUNT, _LINE = 15.0, 7.0, 8.0, 3.2


def head(text: str, colspan: int = 1, rowspan: int = 1) -> Cell:
    return Cell(text, colspan, rowspan, "center", heading=True)


def form_tables(figures: Figures, layout: Layout) -> tuple[Table, ...]:
    """All forms that the figures have, in the layout's order."""
    order = layout.forms.order
    places = {key: place for place, key in enumerate(order, start=1)}
    missing = [key for key, _ in figures.forms.present() if key not in places]
    # A form that a layout does not know (08 before 2020) is printed last rather than lost.
    shown = [key for key in order if figures.forms.get(key) is not None] + missing
    tables: list[Table] = []
    for place, key in enumerate(shown, start=1):
        printer = _FormPrinter(figures, layout, key, places.get(key, place))
        tables.append(printer.table())
        tables += [printer.extra(one) for one in layout.forms.extra_tables if one.after == key]
    return tuple(tables)


def form_title(figures: Figures, layout: Layout, key: str) -> str:
    """Printed title of a form."""
    given = figures.forms.get(key)
    if given is not None and given.title:
        return given.title
    return layout.forms.titles.get(key, forms()[key].title)


def _filled(text: str) -> bool:
    amount = parse_amount(text)
    return amount.state is CellState.UNREADABLE or bool(amount.value)


class _FormPrinter:
    """One form of one disclosure in one layout."""

    def __init__(self, figures: Figures, layout: Layout, key: str, place: int) -> None:
        given = figures.forms.get(key)
        assert given is not None
        self.figures, self.layout, self.key, self.place = figures, layout, key, place
        self.style = layout.forms
        self.given: FormFigures = given
        self.form: Form = forms()[key]
        self.name_width = _NAME * layout.page.name_share

    # ------------------------------------------------------------------ what all forms share

    def table(self) -> Table:
        given = self.given
        if isinstance(given, TwoSidedFigures):
            widths, header, body = self._two_sided(given)
            total_row = None
        elif isinstance(given, CodedFigures):
            widths, header, body = self._coded(given)
            total_row = 0
        elif isinstance(given, PanelFigures):
            widths, header, body = self._panels(given)
            total_row = None
        else:
            assert isinstance(given, ThreePublicFigures)
            widths, header, body = self._three_public(given)
            total_row = None
        top = self.style.top_by_form.get(self.key, self.style.top)
        return Table(
            title=self.title,
            top=tuple(self._top_line(line, self.title, self.mark) for line in top),
            widths=tuple(widths),
            header=tuple(header),
            body=tuple(body),
            notes=self._notes(),
            key=self.key,
            mark=self.mark,
            place=self.place,
            landscape=self.key in self.layout.page.landscape,
            total_row=total_row,
        )

    def _top_line(self, line: TopLine, title: str, mark: str) -> TopLine:
        left, center, right = (
            self._say(part, title, mark) for part in (line.left, line.center, line.right)
        )
        return TopLine(left=left, center=center, right=right)

    @property
    def title(self) -> str:
        return form_title(self.figures, self.layout, self.key)

    @property
    def mark(self) -> str:
        return self.style.mark.format(key=self.key, place=self.place, place2=f"{self.place:02d}")

    def _say(self, template: str, title: str, mark: str) -> str:
        money = self.money
        return template.format(
            title=title,
            mark=mark,
            agency=self.figures.agency,
            year=self.figures.year,
            scope=self.figures.scope,
            unit=self.style.unit.format(unit=money.value),
        )

    def _notes(self) -> tuple[str, ...]:
        style, given = self.style, self.given
        statement = (
            (f"{style.empty_prefix}{given.empty_statement}",) if given.empty_statement else ()
        )
        if statement and style.empty_instead_of_note and not given.notes:
            return statement
        notes = given.notes
        if not notes:
            notes = style.notes.get(self.key, ())
        if not notes and style.standard_notes:
            notes = tuple(standard()["notes"][self.key])
        notes = tuple(note.format(scope=self.figures.scope) for note in notes)
        if len(notes) > 1:
            numbered = [f"{place}. {note}" for place, note in enumerate(notes, start=1)]
            notes = (style.note_prefix + numbered[0], *numbered[1:])
        elif notes:
            notes = (style.note_prefix + notes[0],)
        return notes + statement

    @property
    def money(self) -> MoneyUnit:
        """The unit that the forms are printed in."""
        given = self.figures.unit_of_forms
        return given if self.style.money == "as_given" else MoneyUnit(self.style.money)

    def _amount(
        self, text: str, row: str, column: str, side: Side | None = None, named: bool = True
    ) -> Cell:
        """A money cell; only rows that have a name print something for a blank."""
        if not named and not text.strip():
            return Cell("", align="right", amount=True)
        given = self.figures.unit_of_forms
        shown = restyle(in_unit(text, given, self.money), self.style.numbers)
        states = Stated(self.key, side, row, column, text, given) if named else None
        return Cell(shown, align="right", amount=True, states=states)

    def _column_title(self, column: Column) -> str:
        titles = self.style.column_titles.get(self.key, {})
        return str(titles.get(column.key, column.title))

    @property
    def _code_title(self) -> str:
        return self.style.code_titles.get(self.key, self.style.code_title)

    def _name(self, row: str, title: str) -> str:
        return self.given.names.get(row) or self.style.names.get(row) or title

    # ------------------------------------------------------------------------- 01 and 04

    def _two_sided(self, given: TwoSidedFigures) -> tuple[list[float], list[Row], list[Row]]:
        numbered = self.style.line_numbers
        columns = [c for c in self.form.columns_of(Side.EXPENSE) if self._column_shown(given, c)]
        side_columns = {Side.INCOME: self.form.columns_of(Side.INCOME), Side.EXPENSE: columns}
        lines = {Side.INCOME: self._income_lines(given), Side.EXPENSE: self._expense_lines(given)}
        length = max(len(named) + len(tail) for named, tail in lines.values())

        widths: list[float] = []
        header: list[list[Cell]] = [[], [], []]
        body: list[list[Cell]] = [[] for _ in range(length)]
        first_column = 1
        for side, label in ((Side.INCOME, "收入"), (Side.EXPENSE, "支出")):
            money = side_columns[side]
            widths += [self.name_width, *([_LINE] if numbered else []), *([_AMOUNT] * len(money))]
            header[0].append(head(label, 1 + numbered + len(money)))
            header[1] += [head(self.style.item_title), *([head("行次")] if numbered else [])]
            header[1] += [head(self._money_title(side, column)) for column in money]
            header[2] += [head("栏次"), *([head("")] if numbered else [])]
            header[2] += [head(str(first_column + n)) for n in range(len(money))]
            first_column += len(money)

            named, tail = lines[side]
            spelled = named + [("", "")] * (length - len(named) - len(tail)) + tail
            start = 1 if side is Side.INCOME else length + 1
            for offset, (row, name) in enumerate(spelled):
                centred = row.endswith("_total")
                body[offset].append(Cell(name, align="center" if centred else "left"))
                if numbered:
                    body[offset].append(Cell(str(start + offset), align="center"))
                for place, column in enumerate(money):
                    text = given.cell(side, row, column.key, place == 0) if row else ""
                    body[offset].append(self._amount(text, row, column.key, side, bool(row)))
        if not numbered:
            del header[2]
        return widths, [tuple(row) for row in header], [tuple(row) for row in body]

    def _money_title(self, side: Side, column: Column) -> str:
        if column.key == "amount" or (side is Side.INCOME):
            return str(self.style.amount_titles.get(self.key, column.title))
        return self._column_title(column)

    def _column_shown(self, given: TwoSidedFigures, column: Column) -> bool:
        if self.style.state_capital or column.key != "state_capital":
            return True
        return any(
            _filled(given.cell(Side.EXPENSE, row, column.key, False)) for row in given.expense
        )

    def _income_lines(
        self, given: TwoSidedFigures
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Named lines from above and the closing lines, which stand at the bottom."""
        named: list[tuple[str, str]] = []
        tail: list[tuple[str, str]] = []
        for line in self.form.lines_of(Side.INCOME):
            if (
                "state_capital" in line.key
                and not self.style.state_capital
                and not _filled(given.income.get(line.key, ""))
            ):
                continue
            title = self._name(line.key, line.title)
            if line.role == "item":
                named.append((line.key, f"{chinese(len(named) + 1)}、{title}"))
            else:
                if line.role == "grand_total" and self.key == "01":
                    tail += [("", "")] * self.style.empty_lines
                tail.append((line.key, title))
        return named, tail

    def _expense_lines(
        self, given: TwoSidedFigures
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        printed = self.style.classes or tuple(c.code for c in expense_classes() if c.ordinal)
        filled = {code for code in given.expense if self._expense_filled(given, code)}
        named: list[tuple[str, str]] = []
        for expense_class in expense_classes():
            code = expense_class.code
            # A class with an amount is printed even where the layout does not list it.
            if code not in filled and (code not in printed or self.style.class_lines == "filled"):
                continue
            title = self._name(code, expense_class.title)
            named.append((code, f"{chinese(len(named) + 1)}、{title}"))
        tail: list[tuple[str, str]] = []
        closing = [x for x in self.form.lines_of(Side.EXPENSE) if x.role != "item"]
        for line in closing:
            if line.role == "grand_total":
                spare = self.style.empty_lines
                if self.key == "04":
                    # The expense side has no lines beside the balances by fund.
                    income_tail = len(self._income_lines(given)[1])
                    spare = income_tail - len(closing)
                tail += [("", "")] * spare
            tail.append((line.key, self._name(line.key, line.title)))
        return named, tail

    def _expense_filled(self, given: TwoSidedFigures, code: str) -> bool:
        value = given.expense[code]
        texts = [value] if isinstance(value, str) else list(value.values())
        return any(_filled(text) for text in texts)

    # ------------------------------------------------------------- 02, 03, 05, 07 and 08

    def _coded(self, given: CodedFigures) -> tuple[list[float], list[Row], list[Row]]:
        columns = self._coded_columns(given)
        codes = 3 if self.style.split_codes else 1
        widths = [_CODE / (2 if codes == 3 else 1)] * codes
        widths += [self.name_width, *([_AMOUNT] * len(columns))]
        body: list[Row] = [
            (
                *self._total_cells(codes),
                *(self._amount(given.total.get(c.key, ""), "total", c.key) for c in columns),
            )
        ]
        for row in given.rows:
            body.append(
                (
                    *self._code_cells(row.code, codes),
                    Cell(row.name),
                    *(self._amount(row.values.get(c.key, ""), row.code, c.key) for c in columns),
                )
            )
        if not given.rows:
            blank = Cell("", align="right", amount=True)
            body += [(*[Cell()] * (codes + 1), *[blank] * len(columns))] * 2
        return widths, self._coded_header(columns, codes), body

    def _coded_columns(self, given: CodedFigures) -> list[Column]:
        columns = list(self.form.columns_of())
        if self.key != "08" or self.style.state_capital_flows:
            return columns
        used = [given.total, *(row.values for row in given.rows)]
        return [
            column
            for column in columns
            if not column.optional or any(_filled(v.get(column.key, "")) for v in used)
        ]

    def _code_cells(self, code: str, codes: int) -> list[Cell]:
        if codes == 1:
            return [Cell(code)]
        return [Cell(part, align="center") for part in (code[:3], code[3:5], code[5:])]

    def _total_cells(self, codes: int) -> list[Cell]:
        name = self._name("total", self.style.total_name)
        if self.style.total_at == "span":
            return [Cell(name, codes + 1, align="center")]
        label, blank = Cell(name, align="center"), [Cell()] * codes
        return [label, *blank] if self.style.total_at == "code" else [*blank, label]

    def _coded_header(self, columns: Sequence[Column], codes: int) -> list[Row]:
        depth = 3 if codes == 3 else 2
        rows: list[list[Cell]] = [[head(self.style.item_title, codes + 1)], []]
        rows[1] = [
            head(self._code_title, codes),
            head(self.style.name_title, rowspan=depth - 1),
        ]
        position = 0
        while position < len(columns):
            under = columns[position].under
            if under is None:
                rows[0].append(head(self._column_title(columns[position]), rowspan=depth))
                position += 1
                continue
            group = [c for c in columns[position:] if c.under == under]
            rows[0].append(head(under, len(group)))
            rows[1] += [head(self._column_title(c), rowspan=depth - 1) for c in group]
            position += len(group)
        if codes == 3:
            rows.append([head("类"), head("款"), head("项")])
        if self.style.line_numbers:
            numbers = [head(str(n)) for n in range(1, len(columns) + 1)]
            rows.append([head("栏次", codes + 1), *numbers])
        return [tuple(row) for row in rows]

    # ----------------------------------------------------------------------------------- 06

    def _panels(self, given: PanelFigures) -> tuple[list[float], list[Row], list[Row]]:
        split = self.style.split_codes
        codes = 2 if split else 1
        wide = codes + 2
        panels = [self._panel(given, groups) for groups in self.style.panels]
        known = {group for groups in self.style.panels for group in groups}
        panels[-1] += [item for item in given.items if item.code[:3] not in known]

        length = max((len(panel) for panel in panels), default=0)
        body: list[Row] = []
        for offset in range(length):
            row: list[Cell] = []
            for panel in panels:
                item = panel[offset] if offset < len(panel) else None
                if item is None:
                    row += [Cell()] * (codes + 1) + [Cell("", align="right", amount=True)]
                    continue
                parts = (item.code[:3], item.code[3:]) if split else (item.code,)
                row += [Cell(part) for part in parts]
                row += [Cell(item.name), self._amount(item.amount, item.code, "amount")]
            body.append(tuple(row))
        body.append(self._panel_totals(given, len(panels), codes))

        header: list[Row] = []
        if self.style.bands:
            header.append(tuple(head(band, span * wide) for band, span in self.style.bands))
        amount = self.style.amount_titles.get("06", self.form.columns_of()[0].title)
        titles = (head(self._code_title, codes), head(self.style.name_title), head(amount))
        header.append(titles * len(panels))
        width = [_CODE / codes] * codes + [self.name_width * 0.9, _AMOUNT]
        return width * len(panels), header, body

    def _panel(self, given: PanelFigures, groups: Sequence[str]) -> list[PanelItem]:
        return [i for group in groups for i in given.items if i.code[:3] == group]

    def _panel_totals(self, given: PanelFigures, panels: int, codes: int) -> Row:
        """人员经费合计 below the panels of 301 and 303, 公用经费合计 below the others."""
        personnel = set(self.form.personnel_groups)
        left = sum(1 for groups in self.style.panels if set(groups) <= personnel) or 1
        row: list[Cell] = []
        for line, total, span in (
            ("personnel_total", given.personnel_total, left),
            ("public_total", given.public_total, panels - left),
        ):
            title = next(x.title for x in self.form.lines_of() if x.key == line)
            label = self._name(line, title)
            room = span * (codes + 2) - 1
            if self.style.panel_total == "span":
                row.append(Cell(label, room, align="center"))
            elif self.style.panel_total == "code":
                row += [Cell(label), *[Cell()] * (room - 1)]
            else:
                row += [*[Cell()] * (room - 1), Cell(label)]
            row.append(self._amount(total, line, "amount"))
        return tuple(row)

    # ----------------------------------------------------------------------------------- 09

    def _three_public(self, given: ThreePublicFigures) -> tuple[list[float], list[Row], list[Row]]:
        columns = self.form.columns_of()
        vehicles = [c for c in columns if c.under]
        under = vehicles[0].under or ""
        budget, actual = (
            [self._amount(group.get(c.key, ""), "only", f"{key}.{c.key}") for c in columns]
            for key, group in (("budget", given.budget), ("actual", given.actual))
        )
        titles = [group.title for group in self.form.groups]
        beside = self.style.beside_three_public

        def items(span: int, depth: int) -> tuple[list[Cell], list[Cell]]:
            """Two rows of headings over the six items, each spanning ``span`` columns."""
            upper: list[Cell] = []
            for column in columns:
                if column is vehicles[0]:
                    upper.append(head(under, span * len(vehicles)))
                elif not column.under:
                    upper.append(head(self._column_title(column), span, depth))
            return upper, [head(self._column_title(c), span) for c in vehicles]

        numbers = tuple(head(str(n)) for n in range(1, 2 * len(columns) + 1))
        upper, lower = items(1, 2)
        if self.style.three_public == "row":
            header: list[Row] = [tuple(head(title, len(columns)) for title in titles)]
            header += [tuple(upper * 2), tuple(lower * 2)]
            header += [numbers] if self.style.line_numbers else []
            return [_AMOUNT] * 12, header, [tuple(budget + actual)]
        if self.style.three_public == "pairs":
            upper, lower = items(2, 2)
            pairs = tuple(head(title) for _ in columns for title in titles)
            body = tuple(cell for pair in zip(budget, actual, strict=True) for cell in pair)
            return [_AMOUNT] * 12, [tuple(upper), tuple(lower), pairs], [body]
        others = [Cell(_BESIDE, align="right") for _ in beside]
        header = [(head(self.style.item_title, 1, 2), *upper), tuple(lower)]
        if beside:
            header = [
                (
                    head(self.style.item_title, 1, 3),
                    head("财政拨款“三公”经费", len(columns)),
                    *(head(title, 1, 3) for title in beside),
                ),
                tuple(upper),
                tuple(lower),
            ]
        body_rows: list[Row] = [
            (Cell(titles[0]), *budget, *others),
            (Cell(titles[1]), *actual, *others),
        ]
        return [_AMOUNT * 1.2] + [_AMOUNT] * (6 + len(beside)), header, body_rows

    # ---------------------------------------------------------------- tables besides the nine

    def extra(self, one: ExtraTable) -> Table:
        """A table of the province's own, after the form of this printer."""
        titles = tuple(head(title) for title in one.columns)
        rows: list[Row] = []
        given = self.figures.forms.get(one.like) if one.like else None
        if isinstance(given, CodedFigures):
            widths = [_CODE, self.name_width]
            header = (head(self._code_title), head(self.style.name_title), *titles)
            for code, name, values in (
                ("", self.style.total_name, given.total),
                *((row.code, row.name, row.values) for row in given.rows),
            ):
                total = next(filter(_filled, values.values()), "")
                rows.append((Cell(code), Cell(name), *self._divided(total, len(one.columns))))
        else:
            widths = [self.name_width]
            header = (head(self.style.item_title), *titles)
            for place, item in enumerate(one.items, start=1):
                rows.append((Cell(item), *self._divided(f"{place * 13.7:.2f}", len(one.columns))))
        top = self.style.top_by_form.get(self.key, self.style.top)
        lines = (self._top_line(line, one.title, mark="") for line in top)
        return Table(
            title=one.title,
            top=tuple(line for line in lines if line != TopLine()),
            widths=(*widths, *[_AMOUNT] * len(one.columns)),
            header=(header,),
            body=tuple(rows),
            key=self.key,
            landscape=len(one.columns) > 4,
        )

    def _divided(self, text: str, parts: int) -> list[Cell]:
        """A total and how it divides; the last but one part is blank."""
        value = parse_amount(text).value or Decimal(0)
        shares = [value, *(value / (n + 1) for n in range(1, parts - 1)), value / (parts + 3)]
        texts = [f"{share:.2f}" for share in shares[:parts]]
        if parts > 2:
            texts[-2] = ""
        given = self.figures.unit_of_forms
        return [
            Cell(restyle(in_unit(t, given, self.money), self.style.numbers), align="right")
            for t in texts
        ]


# --------------------------------------------------------------------------- performance


def evaluation_table(evaluation: SelfEvaluation, figures: Figures) -> Table:
    """A self-evaluation form: heading, funds, goals, indicators, totals, in nine columns."""
    unit = evaluation.kind == "unit"
    title = evaluation.title or (
        f"{figures.scope}整体支出绩效自评表" if unit else "项目支出绩效自评表"
    )
    body: list[Row] = []
    if unit:
        body.append((head("部门（单位）名称", 2), Cell(evaluation.project, 7)))
    else:
        body.append((head("项目名称", 2), Cell(evaluation.project, 7)))
    if evaluation.department or evaluation.implementer:
        body.append(
            (
                head("主管部门", 2),
                Cell(evaluation.department, 3),
                head("实施单位"),
                Cell(evaluation.implementer, 3),
            )
        )
    body += _fund_rows(evaluation, figures)
    if evaluation.expected or evaluation.achieved:
        body += [
            (head("年度总体目标", rowspan=2), head("预期目标", 4), head("实际完成情况", 4)),
            (Cell(evaluation.expected, 4), Cell(evaluation.achieved, 4)),
        ]
    if evaluation.tasks:
        body.append(
            (
                head("年度主要任务", rowspan=len(evaluation.tasks) + 1),
                head("任务名称", 2),
                head("主要内容", 4),
                head("完成情况", 2),
            )
        )
        body += [(Cell(a, 2), Cell(b, 4), Cell(c, 2)) for a, b, c in evaluation.tasks]
    body += _indicator_rows(evaluation)
    if evaluation.total_weight or evaluation.total_score:
        body.append(
            (
                head("总分", 6),
                Cell(evaluation.total_weight, align="center", amount=True),
                Cell(evaluation.total_score, align="center", amount=True),
                Cell(),
            )
        )
    return Table(
        title=title,
        top=(TopLine(center=title), TopLine(center=f"（{figures.year}年度）")),
        widths=(6, 8, 10, 14, 9, 9, 6, 7, 10),
        header=(),
        body=tuple(body),
        notes=evaluation.notes,
    )


def _fund_rows(evaluation: SelfEvaluation, figures: Figures) -> Iterator[Row]:
    if not evaluation.funds:
        return
    label = f"{'资金' if evaluation.kind == 'unit' else '项目资金'}（{figures.unit.value}）"
    titles = ("年初预算数", "全年预算数", "全年执行数", "分值", "执行率", "得分")
    yield (
        head(label, rowspan=len(evaluation.funds) + 1),
        head("资金来源", 2),
        *(head(title) for title in titles),
    )
    for fund in evaluation.funds:
        texts = (fund.initial, fund.full, fund.executed, fund.weight, fund.rate, fund.score)
        yield (Cell(fund.source, 2), *(Cell(t, align="center", amount=True) for t in texts))


def _indicator_rows(evaluation: SelfEvaluation) -> Iterator[Row]:
    indicators = evaluation.indicators
    if not indicators:
        return
    reasons = any(indicator.deviation for indicator in indicators)
    bases = any(indicator.basis for indicator in indicators)
    last = "指标设定依据" if bases else "偏差度" if reasons else "偏差原因分析及改进措施"
    titles = ("年度指标值", "实际完成值", "分值", "得分", last)
    yield (
        head("绩效指标", rowspan=len(indicators) + 1),
        head("一级指标"),
        head("二级指标"),
        head("三级指标"),
        *(head(title) for title in titles),
    )
    for place, one in enumerate(indicators):
        row: list[Cell] = []
        for level in ("level1", "level2"):
            if getattr(one, level) or place == 0:
                row.append(Cell(getattr(one, level), rowspan=_run(indicators, place, level)))
        remark = "；".join(part for part in (one.basis, one.deviation, one.note) if part)
        row.append(Cell(one.level3))
        row += [
            Cell(t, align="center", amount=True)
            for t in (one.target, one.actual, one.weight, one.score)
        ]
        yield (*row, Cell(remark))


def _run(indicators: Sequence[object], place: int, level: str) -> int:
    """How many rows a label spans: itself and the empty ones below it."""
    span = 1
    while place + span < len(indicators) and not getattr(indicators[place + span], level):
        span += 1
    return span


def summary_table(summary: SummaryTable) -> Table:
    """A 汇总表 as printed."""
    numeric: Callable[[str], bool] = lambda text: parse_amount(text).value is not None  # noqa: E731
    longest = [
        max(len(summary.columns[n]) / 2, *(len(row[n]) for row in summary.rows), 4)
        for n in range(len(summary.columns))
    ]
    top = [TopLine(center=summary.title)]
    if summary.unit:
        top.append(TopLine(right=f"单位：{summary.unit}"))
    return Table(
        title=summary.title,
        top=tuple(top),
        widths=tuple(min(width, 16.0) for width in longest),
        header=(tuple(head(title) for title in summary.columns),),
        body=tuple(
            tuple(
                Cell(text, align="right" if numeric(text) else "left", amount=numeric(text))
                for text in row
            )
            for row in summary.rows
        ),
        notes=summary.notes,
        landscape=len(summary.columns) > 8,
    )
