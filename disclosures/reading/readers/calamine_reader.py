"""Spreadsheets by calamine; how they are shown, by openpyxl and xlrd (OpenDocument says it)."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Final

import python_calamine as calamine

from disclosures.amounts import CellState, parse_amount
from disclosures.reading.grids import Grid, GridCell, PageText, without_empty_columns
from disclosures.reading.packages import demand_sound
from disclosures.reading.readers.base import Extraction, UnreadableError
from disclosures.reading.readers.binary_workbook import binary_sheets
from disclosures.reading.readers.number_format import shown_number
from disclosures.reading.readers.open_document import open_sheets

# What yields a number or an error, never an empty text.
_CALCULATES: Final = re.compile(
    r"\b(?:SUM|SUMIFS?|SUBTOTAL|ROUND|PRODUCT)\(|[+*/]|(?<=[\w)])-", re.I
)
_SHEET_NAME: Final = re.compile(r"'[^']*'!")
#: Columns that one mark of hidden columns may cover.
_MAX_HIDDEN: Final = 1000

_CURRENCY: Final = re.compile(r"[¥￥\s]|CNY|RMB|人民币")
#: Years of dates that a disclosure may name; the figures of a form are rarely dates of these.
_DATES: Final = (2000, 2050)
_EPOCH: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - workbooks know no time zones

Value = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


class CalamineReader:
    """xlsx, xlsb, xls (also .et) and ods. Values are exact, so one reader suffices."""

    name: Final = "calamine"
    version: Final = version("python-calamine")
    stack: Final = "calamine"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        notes: list[str] = []
        if zipfile.is_zipfile(path):
            demand_sound(path)
        try:
            workbook = calamine.CalamineWorkbook.from_path(str(path))
        except (
            calamine.CalamineError,
            OSError,
            ValueError,
        ) as error:
            raise UnreadableError(
                f"工作簿无法打开（{error}），请用 Excel 打开并另存后再读取"
            ) from error
        styles = _Styles(path, notes)
        grids: list[Grid] = []
        texts: list[str] = []
        for sheet in workbook.sheets_metadata:
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
                notes.append(f"工作表“{sheet.name}”没有单元格（{sheet.typ}）")
                continue
            if sheet.visible != calamine.SheetVisibleEnum.Visible:
                notes.append(f"隐藏的工作表“{sheet.name}”未读")
                continue
            try:
                values = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            except (calamine.CalamineError, ValueError) as error:
                # The forms of a lost sheet would be reported as missing.
                raise UnreadableError(
                    f"文件已损坏：工作表“{sheet.name}”无法读取（{error}），请重新下载"
                ) from error
            shown, texts_shown = styles.of(sheet.name), styles.texts_of(sheet.name)
            formulas = _uncalculated(styles.formulas_of(sheet.name), values)
            if formulas:
                notes.append(f"工作表“{sheet.name}”有{len(formulas)}个公式没有计算结果")
            lines = [
                [
                    GridCell(formulas[row, column])
                    if (row, column) in formulas
                    else _displayed(value, texts_shown[row, column])
                    if (row, column) in texts_shown
                    else _cell(value, shown.get((row, column)))
                    for column, value in enumerate(line)
                ]
                for row, line in enumerate(values)
            ]
            hidden = styles.hidden_in(sheet.name)
            left_out = _without_hidden(lines, hidden)
            if left_out:
                notes.append(f"工作表“{sheet.name}”隐藏的{left_out}有数字，未读")
            rows = without_empty_columns(tuple(map(tuple, lines)))
            if not any(cell.printed for line in rows for cell in line):
                continue
            grids.append(Grid(self.name, None, rows, sheet=sheet.name))
            texts.append(sheet_text(sheet.name, rows))
        return Extraction(
            tuple(grids),
            (PageText(None, "\n\n".join(texts)),),
            tuple(notes),
            tuple(zip(texts, grids, strict=True)),
        )


@dataclass(slots=True)
class _Hidden:
    """Rows and columns of a sheet, from 0, that are not shown."""

    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)


class _Styles:
    """Number formats by sheet and (row, column) from 0; nothing for formats without them."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self._sheets: dict[str, dict[tuple[int, int], str]] = {}
        self._formulas: dict[str, dict[tuple[int, int], str]] = {}
        self._hidden: dict[str, _Hidden] = {}
        self._texts: dict[str, dict[tuple[int, int], str]] = {}
        # The libraries raise errors of many types on workbooks of other programs; the values are
        # calamine's and do not depend on them.
        try:
            if not zipfile.is_zipfile(path):
                self._of_excel_97(path)
            elif _holds(path, "xl/workbook.bin"):
                for name, binary in binary_sheets(path).items():
                    self._sheets[name] = binary.formats
                    self._hidden[name] = _Hidden(binary.rows, binary.columns)
            elif _holds(path, "content.xml"):
                for name, sheet in open_sheets(path).items():
                    self._texts[name] = sheet.shown
                    self._hidden[name] = _Hidden(sheet.rows, sheet.columns)
            else:
                self._of_package(path)
        except Exception as error:
            self._sheets.clear()
            self._formulas.clear()
            self._hidden.clear()
            self._texts.clear()
            notes.append(f"数字格式无法读取，小数位数按存储值：{error!r}"[:300])

    def _of_excel_97(self, path: Path) -> None:
        import xlrd

        with xlrd.open_workbook(
            file_contents=path.read_bytes(), formatting_info=True, logfile=io.StringIO()
        ) as workbook:
            formats = [
                workbook.format_map[xf.format_key].format_str
                if xf.format_key in workbook.format_map
                else "General"
                for xf in workbook.xf_list
            ]
            for sheet in workbook.sheets():
                self._sheets[sheet.name] = {
                    (row, column): formats[sheet.cell_xf_index(row, column)]
                    for row in range(sheet.nrows)
                    for column in range(sheet.row_len(row))
                    if sheet.cell_type(row, column) in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE)
                }
                self._hidden[sheet.name] = _Hidden(
                    {number for number, row in sheet.rowinfo_map.items() if row.hidden},
                    {number for number, column in sheet.colinfo_map.items() if column.hidden},
                )

    def _of_package(self, path: Path) -> None:
        import openpyxl

        # A stream, because openpyxl judges paths by their extension.
        with path.open("rb") as file:
            workbook = openpyxl.load_workbook(file, keep_links=False)
        for sheet in workbook.worksheets:
            formats: dict[tuple[int, int], str] = {}
            # Only the cells that the file holds: iter_rows makes all of them up to the last
            # one, 17 thousand million for a stray cell in the corner of the sheet.
            for cell in sheet._cells.values():
                place = (cell.row - 1, cell.column - 1)
                if cell.data_type == "f":
                    self._formulas.setdefault(sheet.title, {})[place] = str(cell.value)
                if cell.data_type in "nf" and cell.value is not None:
                    formats[place] = cell.number_format
            self._sheets[sheet.title] = formats
            hidden = self._hidden.setdefault(sheet.title, _Hidden())
            hidden.rows = {n - 1 for n, row in sheet.row_dimensions.items() if row.hidden}
            for column in sheet.column_dimensions.values():
                if column.hidden and column.min and column.max:
                    last = min(column.max, column.min + _MAX_HIDDEN)
                    hidden.columns |= set(range(column.min - 1, last))

    def of(self, sheet: str) -> Mapping[tuple[int, int], str]:
        return self._sheets.get(sheet, {})

    def formulas_of(self, sheet: str) -> Mapping[tuple[int, int], str]:
        return self._formulas.get(sheet, {})

    def texts_of(self, sheet: str) -> Mapping[tuple[int, int], str]:
        """What cells show, where the file says it."""
        return self._texts.get(sheet, {})

    def hidden_in(self, sheet: str) -> _Hidden:
        return self._hidden.get(sheet, _Hidden())


def _uncalculated(
    formulas: Mapping[tuple[int, int], str], values: Sequence[Sequence[Value]]
) -> Mapping[tuple[int, int], str]:
    """Formulas whose result the file does not hold.

    Where there is none at all, a program wrote the sheet that does not calculate.
    """
    empty = {place: text for place, text in formulas.items() if _at(values, *place) == ""}
    if len(empty) == len(formulas):
        return empty
    return {
        place: text
        for place, text in empty.items()
        if '""' not in text and _CALCULATES.search(_SHEET_NAME.sub("", text))
    }


def _without_hidden(lines: list[list[GridCell]], hidden: _Hidden) -> str:
    """Blank out hidden rows and columns with figures, and say how many they were.

    Those with names, codes, line numbers or zeros alone change no figure: sheets hide the codes
    of their rows, and rows without an amount, to look shorter.
    """
    rows = [n for n in sorted(hidden.rows) if n < len(lines) and _has_figures(lines[n])]
    for number in rows:
        lines[number][:] = [GridCell("")] * len(lines[number])
    columns = [
        number
        for number in sorted(hidden.columns)
        if _has_figures(line[number] for line in lines if number < len(line))
    ]
    for line in lines:
        for number in columns:
            if number < len(line):
                line[number] = GridCell("")
    told = [f"{len(found)}{kind}" for found, kind in ((rows, "行"), (columns, "列")) if found]
    return "、".join(told)


def _has_figures(cells: Iterable[GridCell]) -> bool:
    return any("." in cell.text and _is_amount(cell.text) for cell in cells)


def _is_amount(text: str) -> bool:
    amount = parse_amount(text)
    return amount.state is CellState.READ and bool(amount.value)


def _at(values: Sequence[Sequence[Value]], row: int, column: int) -> Value:
    return values[row][column] if row < len(values) and column < len(values[row]) else ""


def _holds(path: Path, part: str) -> bool:
    with zipfile.ZipFile(path) as package:
        return part in package.namelist()


def _displayed(value: Value, shown: str) -> GridCell:
    """A number of which the file says how it shows."""
    plain = _CURRENCY.sub("", shown).replace(",", "")
    amount = parse_amount(plain.removesuffix("%"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        # A date may look like an amount: 12.30 is the thirtieth of December.
        cell = GridCell("0", shown="") if isinstance(value, str) else _cell(value, None)
        if cell.shown is None and amount.state is not CellState.READ:
            return GridCell(shown.strip())
        return GridCell(cell.text, shown=f"{shown.strip()}（日期或时间）")
    figure = shown_number(value, None).figure
    if amount.state is CellState.BLANK and (plain or not value):
        return GridCell(plain) if not value else GridCell(figure, shown=f"{plain}（实为{figure}）")
    if amount.value is None or amount.value * Decimal(figure) < 0:
        return GridCell(figure, shown=shown.strip() or f"（实为{figure}）")
    return GridCell(f"{amount.value}{'%' if plain.endswith('%') else ''}")


def _cell(value: Value, number_format: str | None) -> GridCell:
    match value:
        case bool():
            return GridCell(str(value).upper())
        case int() | float():
            number = shown_number(value, number_format)
            return GridCell(number.figure, shown=number.shown)
        case str():
            return GridCell(value.strip())
    text = str(value).removesuffix(" 00:00:00")
    if isinstance(value, dt.date) and len(text) == 10 and _DATES[0] <= value.year <= _DATES[1]:
        return GridCell(text)
    # A figure that was given the format of a date, which makes a time of what is below zero.
    return GridCell(format(_serial(value), ".15g"), shown=f"{text}（日期或时间）")


def _serial(value: dt.time | dt.date | dt.timedelta) -> float:
    """The number behind a date or time, in days."""
    if isinstance(value, dt.time):
        value = dt.datetime.combine(_EPOCH, value)
    elif isinstance(value, dt.timedelta):
        value = _EPOCH + value
    elif not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    return (value - _EPOCH) / dt.timedelta(days=1)


def sheet_text(title: str, rows: Collection[Collection[GridCell]]) -> str:
    """A sheet as text: its name, then a line per row with cells between tabs."""
    lines = ("\t".join(cell.printed.replace("\n", "") for cell in row).rstrip() for row in rows)
    return "\n".join([title, *(line for line in lines if line)])
