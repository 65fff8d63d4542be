"""Known figures in every layout and every format, read back: nothing differs in silence.

``python -m bench.accuracy`` does the same with more departments and prints a table.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.accuracy import Tally, Task, printed_layouts, run
from disclosures.model import DocumentKind, Reading

SEED = 3

Result = tuple[Task, Reading, Tally]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """One department in all layouts as PDF, and another in one layout in all formats."""

    def read() -> Iterator[Result]:
        yield from run(sorted(printed_layouts()), ["pdf"], [SEED])
        yield from run(["sichuan"], ["xlsx", "docx", "html", "text"], [SEED + 1])

    return list(read())


def test_layouts_are_many_and_each_is_read(results: list[Result]) -> None:
    assert len({task.layout for task, _, _ in results}) >= 13
    for task, reading, tally in results:
        assert reading.kind is DocumentKind.FINAL_ACCOUNTS, (task.layout, task.format)
        assert tally.expected > 400, (task.layout, task.format)


def test_nothing_is_silently_wrong_or_invented(results: list[Result]) -> None:
    wrong = {
        (task.layout, task.format): tally.examples
        for task, _, tally in results
        if tally.silent or tally.invented
    }
    assert not wrong


def test_layouts_without_lines_are_among_them() -> None:
    bare = [name for name, layout in printed_layouts().items() if layout.page.rules != "all"]
    assert len(bare) >= 6


def test_born_digital_tables_are_read_exactly_with_lines_or_without(results: list[Result]) -> None:
    # Of flattened text only sums tell which cells of a row are blank.
    inexact = {
        (task.layout, task.format): tally.examples[:5]
        for task, _, tally in results
        if task.format != "text"
        if tally.exact < tally.expected or tally.empty_told < tally.empty_forms
    }
    assert not inexact


def test_flattened_text_is_read_as_far_as_sums_tell(results: list[Result]) -> None:
    [tally] = [tally for task, _, tally in results if task.format == "text"]
    assert tally.exact > 0.95 * tally.expected
    assert tally.exact + tally.flagged == tally.expected


def test_zeros_above_a_note_that_the_form_is_empty_are_read() -> None:
    """Without lines the form 08 of this department is a title, a row of 0.00 and its note."""
    [(_, _, tally)] = run(["three_line"], ["pdf"], [6], jobs=1)
    assert (tally.exact, tally.empty_told) == (tally.expected, tally.empty_forms)


def test_the_comparison_sees_what_is_wrong(results: list[Result]) -> None:
    from dataclasses import replace
    from decimal import Decimal

    from bench.accuracy import compare

    task, reading, tally = next(r for r in results if r[0].format == "xlsx")
    at = next(n for n, fact in enumerate(reading.facts) if fact.amount_wan)
    fact = reading.facts[at]
    assert fact.amount_wan is not None

    def spoiled(**changes: object) -> Tally:
        facts = [*reading.facts]
        facts[at] = replace(fact, **changes)  # type: ignore[arg-type]
        return compare(task.expected, task.empty, replace(reading, facts=tuple(facts)))

    wrong = fact.amount_wan + Decimal("0.01")
    assert (spoiled(amount_wan=wrong).silent, spoiled(amount_wan=wrong).flagged) == (1, 0)
    assert spoiled(amount_wan=wrong, agreed=False).flagged == 1
    # A figure in another row is missing in its own, and invented there.
    moved = spoiled(row="no such row")
    assert (moved.silent, moved.invented) == (1, 1)
    assert tally.silent == 0


def test_whole_zeros_of_a_workbook_are_figures() -> None:
    """Its form 09 holds plain zeros, which a workbook shows without decimals, and a note."""
    [(_, reading, tally)] = run(["unruled"], ["xlsx"], [13])
    assert not tally.silent
    assert {fact.text for fact in reading.facts if fact.form == "09"} == {"0"}


def test_what_sums_placed_is_in_doubt() -> None:
    """In form 09 of this department the total is blank, which the sums of a text cannot tell."""
    [(_, _, tally)] = run(["shaanxi"], ["text"], [13])
    assert not tally.silent
