from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.model import Fact, FormReading
from disclosures.reading.agreement import (
    ONE_READER,
    READERS_DIFFER,
    Method,
    Witness,
    agree,
    agree_forms,
    disputed,
)


def fact(row: str, text: str, *, column: str = "total", top: float = 100.0) -> Fact:
    amount = parse_amount(text)
    return Fact(
        form="05",
        side=None,
        row=row,
        line=None,
        code=row if row.isdigit() else None,
        name=row,
        column=column,
        amount_wan=amount.value,
        text=amount.text,
        decimals=amount.decimals,
        state=amount.state,
        page=3,
        bbox=(300.0, top, 360.0, top + 20),
    )


def witness(reader: str, *facts: Fact, method: Method = Method.RULED) -> Witness:
    form = FormReading("05", "一般公共预算财政拨款支出决算表", (3,), MoneyUnit.WAN, "")
    return Witness(reader, (form,), tuple(replace(f, readers=(reader,)) for f in facts), method)


def test_two_readers_that_see_the_same_agree() -> None:
    [settled] = agree(
        [witness("a", fact("208", "1,200.50")), witness("b", fact("208", "1200.50"))]
    ).facts
    assert settled.agreed
    assert settled.readers == ("a", "b")
    assert settled.amount_wan == Decimal("1200.50")
    assert settled.note is None


def test_blank_agrees_with_blank_and_not_with_zero() -> None:
    [blank] = agree([witness("a", fact("208", "")), witness("b", fact("208", ""))]).facts
    assert (blank.agreed, blank.state) == (True, CellState.BLANK)
    [open_] = disputed([witness("a", fact("208", "")), witness("b", fact("208", "0.00"))])
    assert open_.note is not None
    assert READERS_DIFFER in open_.note


def test_third_reader_decides_and_the_outvoted_one_is_not_named() -> None:
    witnesses = [
        witness("tablers", fact("208", "147,502.38")),
        witness("tabula", fact("208", "147,502.3")),
        witness("pdfplumber", fact("208", "147,502.38")),
    ]
    assert disputed(witnesses[:2])
    [settled] = agree(witnesses).facts
    assert settled.agreed
    assert settled.readers == ("tablers", "pdfplumber")
    assert settled.amount_wan == Decimal("147502.38")


def test_three_different_readings_stay_undecided() -> None:
    witnesses = [witness(r, fact("208", t)) for r, t in (("a", "1.1"), ("b", "1.2"), ("c", "1.3"))]
    [settled] = agree(witnesses).facts
    assert not settled.agreed
    assert settled.note is not None
    assert all(shown in settled.note for shown in ("1.1", "1.2", "1.3"))


def test_two_against_two_stay_undecided() -> None:
    texts = (("a", "1.1"), ("b", "1.2"), ("c", "1.2"), ("d", "1.1"))
    [settled] = agree([witness(reader, fact("208", text)) for reader, text in texts]).facts
    assert not settled.agreed


def test_row_that_one_reader_saw_is_kept_as_suspect_in_its_place() -> None:
    rows = [fact("total", "3.00"), fact("208", "1.00", top=120), fact("210", "2.00", top=140)]
    settled = agree([witness("a", *rows), witness("b", rows[0], rows[2])]).facts
    assert [f.row for f in settled] == ["total", "208", "210"]
    assert [f.agreed for f in settled] == [True, False, True]
    assert settled[1].note == ONE_READER
    assert settled[1].amount_wan == Decimal("1.00")


def test_row_that_only_the_second_reader_saw_is_kept_too() -> None:
    rows = [fact("total", "3.00"), fact("208", "1.00", top=120)]
    settled = agree([witness("a", rows[0]), witness("b", *rows)]).facts
    assert [(f.row, f.agreed) for f in settled] == [("total", True), ("208", False)]


def test_cell_filed_under_another_row_by_one_reader_is_set_aside_and_told() -> None:
    witnesses = [
        witness("a", fact("208", "1.00"), fact("210", "2.00", top=120)),
        witness("b", fact("社会保障", "1.00"), fact("210", "2.00", top=120)),
        witness("c", fact("208", "1.00"), fact("210", "2.00", top=120)),
    ]
    result = agree(witnesses)
    assert [f.row for f in result.facts] == ["208", "210"]
    assert all(f.agreed for f in result.facts)
    assert len(result.dropped) == 1
    assert "b读出的1个数字" in result.dropped[0]


def test_debris_of_a_reader_that_misread_the_form_is_set_aside() -> None:
    good = [fact(str(201 + n), f"{n}.00", top=100 + 20 * n) for n in range(6)]
    debris = [fact("缴费", "9.99", top=700), fact("支出", "8.88", top=720)]
    result = agree([witness("a", *good), witness("b", *debris), witness("c", *good)])
    assert len(result.facts) == 6
    assert "b读出的2个数字" in result.dropped[0]


def test_longer_print_of_an_equal_amount_is_the_printed_one() -> None:
    witnesses = [witness("a", fact("208", "15,500.0")), witness("b", fact("208", "15,500.00"))]
    [settled] = agree(witnesses).facts
    assert (settled.text, settled.decimals, settled.agreed) == ("15,500.00", 2, True)


def test_form_that_one_reader_found_is_kept_with_the_pages_of_all() -> None:
    one = FormReading("02", "收入决算表", (4,), MoneyUnit.WAN, "")
    other = replace(one, pages=(4, 5))
    alone = FormReading("01", "收入支出决算总表", (3,), MoneyUnit.WAN, "")
    forms = agree_forms([Witness("a", (one,), ()), Witness("b", (alone, other), ())])
    assert [(form.form, form.pages) for form in forms] == [("01", (3,)), ("02", (4, 5))]


def grammar(reader: str, *facts: Fact) -> Witness:
    return witness(reader, *facts, method=Method.GRAMMAR)


def placed(reader: str, *facts: Fact) -> Witness:
    return witness(reader, *facts, method=Method.PLACED)


def test_places_on_both_stacks_fill_in_what_grammar_cannot_place() -> None:
    unclear = fact("208", "30.00 30.00")
    witnesses = [grammar("text", unclear), grammar("text-pdfbox", unclear)]
    [settled] = agree(witnesses).facts
    assert (settled.agreed, settled.state) == (False, CellState.UNREADABLE)
    [settled] = agree([*witnesses, placed("a", fact("208", "30.00"))]).facts
    assert not settled.agreed
    both = [placed("a", fact("208", "30.00")), placed("b", fact("208", "30.00"))]
    [settled] = agree([*witnesses, *both]).facts
    assert (settled.agreed, settled.readers) == (True, ("a", "b"))


def test_places_and_grammar_that_contradict_each_other_settle_nothing() -> None:
    witnesses = [
        placed("a", fact("208", "9.00")),
        placed("b", fact("208", "9.00")),
        grammar("text", fact("208", "1.00")),
        grammar("text-pdfbox", fact("208", "1.00")),
    ]
    [settled] = agree(witnesses).facts
    assert not settled.agreed


def test_print_that_is_no_amount_is_agreed_as_unreadable() -> None:
    [settled] = agree([witness("a", fact("208", "X.XX")), witness("b", fact("208", "X.XX"))]).facts
    assert (settled.agreed, settled.state) == (True, CellState.UNREADABLE)
