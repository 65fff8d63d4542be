"""Tables without ruling lines, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from disclosures.amounts import CellState
from disclosures.model import Fact
from disclosures.reading.grids import Glyph, PageGlyphs
from disclosures.reading.placed_words import lines_of
from disclosures.reading.positions import PlacedForms, read_positions

_SIZE = 9.0
_COLUMNS = {"小计": 260.0, "基本支出": 360.0, "项目支出": 460.0}
_WIDTH = 100.0


def word(text: str, x0: float, y: float) -> list[Glyph]:
    """Letters from ``x0`` on; digits are half an em wide."""
    glyphs = []
    for letter in text:
        x1 = x0 + (_SIZE if letter > "\u2e80" else _SIZE / 2)
        glyphs.append(Glyph(letter, x0, x1, y, _SIZE))
        x0 = x1
    return glyphs


def width(text: str) -> float:
    return sum(_SIZE if letter > "\u2e80" else _SIZE / 2 for letter in text)


def table(rows: Sequence[tuple[str, str, tuple[str, ...]]], *, align: str = "right") -> PageGlyphs:
    """Form 05 without lines; figures by column, blank ones empty."""
    lines = word("一般公共预算财政拨款支出决算表", 200, 60) + word("单位：万元", 480, 80)
    lines += word("科目代码", 50, 100) + word("科目名称", 140, 100)
    for title, middle in _COLUMNS.items():
        lines += word(title, middle - width(title) / 2, 100)
    for number, (code, name, figures) in enumerate(rows):
        y = 120 + 20.0 * number
        lines += word(code, 50, y)
        halves = (name[:11], name[11:]) if len(name) > 11 else (name,)
        for place, half in enumerate(halves):
            lines += word(half, 110, y + (12 * place - 6 if len(halves) > 1 else 0))
        for middle, figure in zip(_COLUMNS.values(), figures, strict=True):
            shift = {"right": _WIDTH / 2 - 3 - width(figure), "center": -width(figure) / 2}
            lines += word(figure, middle + shift.get(align, 3 - _WIDTH / 2), y)
    return PageGlyphs(1, tuple(lines))


def facts(read: PlacedForms) -> dict[tuple[str, str], Fact]:
    return {(fact.row, fact.column): fact for _, found in read.found for fact in found}


ROWS = [
    ("", "合计", ("1,120.00", "1,000.00", "120.00")),
    ("208", "社会保障和就业支出", ("120.00", "", "120.00")),
    ("20805", "机关事业单位基本养老保险缴费支出", ("1,000.00", "1,000.00", "")),
]


def test_columns_of_figures_set_right_left_or_in_the_middle() -> None:
    for align in ("right", "center", "left"):
        read = facts(read_positions([table(ROWS, align=align)], ["05"], reader="w"))
        assert read["208", "project"].amount_wan == Decimal("120.00"), align
        assert read["208", "basic"].state is CellState.BLANK, align
        assert read["20805", "basic"].amount_wan == Decimal("1000.00"), align
        assert read["total", "total"].amount_wan == Decimal("1120.00"), align


def test_wrapped_names_belong_to_the_row_of_their_middle() -> None:
    read = facts(read_positions([table(ROWS)], ["05"], reader="w"))
    assert read["20805", "total"].name == "机关事业单位基本养老保险缴费支出"
    assert {row for row, _ in read} == {"total", "208", "20805"}


def test_figure_that_may_stand_in_two_columns_is_given_to_none() -> None:
    rows = [("208", "社会保障和就业支出", ("120.00", "", ""))]
    page = table(rows)
    # All figures are equally wide: nothing shows whether they are set right or left.
    moved = [
        Glyph(g.text, g.x0 + 12, g.x1 + 12, g.y, g.size) if g.y > 110 and g.x0 > 220 else g
        for g in page.glyphs
    ]
    read = facts(read_positions([PageGlyphs(1, tuple(moved))], ["05"], reader="w"))
    assert all(fact.state is CellState.UNREADABLE for fact in read.values())


def test_figure_between_two_rows_makes_blanks_unreadable_and_the_form_doubtful() -> None:
    page = table([*ROWS[:2], ("210", "卫生健康支出", ("", "", ""))])
    stray = word("7.77", 460 + _WIDTH / 2 - 3 - width("7.77"), 150)
    read = read_positions([PageGlyphs(1, (*page.glyphs, *stray))], ["05"], reader="w")
    assert read.doubtful == {"05"}
    assert facts(read)["210", "project"].state is CellState.UNREADABLE
    assert facts(read)["208", "project"].amount_wan == Decimal("120.00")


def test_words_break_at_gaps_and_where_figure_and_name_touch() -> None:
    glyphs = [*word("12.00", 10, 50), *word("二、外交支出", 32.5, 50), *word("3.00", 120, 50.5)]
    [line] = lines_of(glyphs)
    assert [one.text for one in line] == ["12.00", "二、外交支出", "3.00"]
