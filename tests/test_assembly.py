"""Which documents make one disclosure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from disclosures.amounts import MoneyUnit
from disclosures.assembly import (
    UNKNOWN_AGENCY,
    Disclosure,
    DocumentReading,
    FormSummary,
    Role,
    assemble,
    largest_stated,
    reading_digest,
    summarise_forms,
)
from disclosures.model import DocumentKind, Fact, FormReading, Reading, Statement

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ALL = tuple(f"0{number}" for number in range(1, 10))


def forms(*keys: str, peak: str | None = "914.65", **changes: Any) -> tuple[FormSummary, ...]:
    given: dict[str, Any] = {
        "cells": 20,
        "suspect": 0,
        "peak_wan": None if peak is None else Decimal(peak),
    }
    return tuple(FormSummary(form=key, **{**given, **changes}) for key in keys)


def document(name: str, **changes: Any) -> DocumentReading:
    given: dict[str, Any] = {
        "sha256": name * 64,
        "reader_version": "1",
        "digest": name,
        "kind": DocumentKind.FINAL_ACCOUNTS,
        "media_type": PDF,
        "agency": "山城区财政局",
        "year": 2023,
        "site": "hill",
        "url": f"http://hill.test/{name}",
        "found_on": "http://hill.test/article",
        "published_on": "2024-08-30",
    }
    return DocumentReading(**{**given, **changes})


def shape(disclosures: Sequence[Disclosure]) -> list[list[tuple[str, str, tuple[str, ...]]]]:
    return [[(d.sha256[0], d.role.value, d.forms) for d in one.documents] for one in disclosures]


def merged(*documents: DocumentReading) -> list[Disclosure]:
    """Assembled as for a site; every order must give the same."""
    results = [assemble(order, alternates="merge") for order in permutations(documents)]
    assert all(result == results[0] for result in results)
    return results[0]


def test_one_pdf_is_one_disclosure() -> None:
    (one,) = merged(document("a", forms=forms(*ALL), statements=60))
    assert shape([one]) == [[("a", "main", ALL)]]
    assert (one.agency, one.year, one.site) == ("山城区财政局", 2023, "hill")
    assert one.forms == ALL
    assert one.main.narrative


def test_a_narrative_and_its_workbook_are_one() -> None:
    stated = frozenset(map(Decimal, ("914.65", "30.00", "12.00")))
    narrative = document("a", statements=60, stated_wan=stated)
    workbook = document("b", media_type=XLSX, agency=None, year=None, forms=forms(*ALL))
    (one,) = merged(narrative, workbook)
    assert shape([one]) == [[("a", "narrative", ()), ("b", "tables", ALL)]]


def test_a_workbook_with_other_totals_belongs_to_someone_else() -> None:
    stated = frozenset(map(Decimal, ("88.10", "30.00", "12.00")))
    narrative = document("a", statements=60, stated_wan=stated)
    workbook = document("b", media_type=XLSX, agency=None, year=None, forms=forms(*ALL))
    assert len(merged(narrative, workbook)) == 2


def test_two_parts_that_complete_each_other_without_a_name() -> None:
    title = document("a", agency=None, statements=60)
    year = document("b", agency=None, year=None, media_type=XLSX, forms=forms(*ALL))
    (one,) = merged(title, year)
    assert (one.agency, one.year) == (UNKNOWN_AGENCY, 2023)


def test_a_stray_with_two_possible_hosts_stays_alone() -> None:
    disclosures = merged(
        document("a", agency="山城区财政局", statements=60),
        document("b", agency="山城区审计局", statements=60),
        document("c", agency=None, media_type=XLSX, forms=forms(*ALL)),
    )
    assert sorted(shape(disclosures)) == [
        [("a", "narrative", ())],
        [("b", "narrative", ())],
        [("c", "tables", ALL)],
    ]


def test_a_pdf_and_its_word_original_are_one_with_an_alternate() -> None:
    (one,) = merged(
        document("a", forms=forms(*ALL), statements=60),
        document("b", forms=forms(*ALL), statements=62, media_type=DOCX),
    )
    assert shape([one]) == [[("a", "main", ALL), ("b", "alternate", ())]]
    assert [part.narrative for part in one.documents] == [True, False]


def test_a_suspect_or_cut_form_is_taken_from_the_alternate() -> None:
    (one,) = merged(
        document(
            "a",
            forms=(
                forms("01") + forms("02", suspect=3) + forms("03", complete=False)
                + forms("04", cells=0, peak=None)
            ),
            statements=60,
        ),
        document("b", forms=forms("01", "02", "03", "04"), media_type=DOCX),
    )  # fmt: skip
    assert shape([one]) == [[("a", "main", ("01",)), ("b", "tables", ("02", "03", "04"))]]


def test_an_office_with_its_departments_name_keeps_its_own_accounts() -> None:
    department = document("a", forms=forms(*ALL, peak="914.65"), statements=60)
    office = document(
        "b", forms=forms(*ALL, peak="301.10"), statements=60, found_on="http://hill.test/office"
    )
    disclosures = merged(department, office)
    assert sorted(shape(disclosures)) == [[("a", "main", ALL)], [("b", "main", ALL)]]
    assert len({one.disclosure_id for one in disclosures}) == 2


def test_a_correction_supersedes_what_was_published_before() -> None:
    first = document("a", forms=forms(*ALL), statements=60)
    corrected = document(
        "b",
        forms=forms(*ALL[1:]) + forms("01", peak="914.56"),
        statements=60,
        found_on="http://hill.test/correction",
        published_on="2024-09-10",
    )
    (one,) = merged(first, corrected)
    assert shape([one]) == [[("b", "main", ALL), ("a", "alternate", ())]]
    assert one.published_on == "2024-08-30"


def test_what_the_last_crawl_found_goes_before_what_is_gone() -> None:
    (one,) = merged(
        document("a", forms=forms(*ALL), statements=60, last_seen="2024-09-02T18:00:00+00:00"),
        document("b", forms=forms(*ALL), statements=60, last_seen="2024-09-03T18:00:00+00:00"),
    )
    assert shape([one]) == [[("b", "main", ALL), ("a", "alternate", ())]]


def test_names_that_leave_the_region_out_are_one_department() -> None:
    (one,) = merged(
        document("a", agency="山城区财政局", statements=60),
        document("b", agency="江州市 山城区财政局", media_type=XLSX, forms=forms(*ALL)),
    )
    assert one.agency == "江州市山城区财政局"


def test_departments_and_years_stay_apart() -> None:
    disclosures = merged(
        document("a", forms=forms(*ALL)),
        document("b", forms=forms(*ALL), year=2022),
        document("c", forms=forms(*ALL), agency="山城区审计局"),
        document("d", forms=forms(*ALL), site="valley"),
    )
    assert len(disclosures) == 4
    assert len({one.disclosure_id for one in disclosures}) == 4
    assert [one.year for one in disclosures] == [2022, 2023, 2023, 2023]


def test_a_document_without_figures_is_still_somebodys_accounts() -> None:
    (one,) = merged(document("a"))
    assert shape([one]) == [[("a", "narrative", ())]]
    assert not one.main.narrative


def test_empty_forms_do_not_make_two_offices_one() -> None:
    empty = forms("07", "08", cells=6, peak="0.00", declared_empty=True)
    disclosures = merged(
        document("a", forms=forms("01") + empty),
        document("b", forms=forms("01", peak="301.10") + empty),
    )
    assert len(disclosures) == 2


def test_only_accounts_found_disclosures() -> None:
    assert merged(*(document(k.value[0], kind=k, statements=9) for k in DocumentKind
                    if k is not DocumentKind.FINAL_ACCOUNTS)) == []  # fmt: skip


def test_a_performance_file_joins_the_accounts_of_its_article() -> None:
    (one,) = merged(
        document("a", forms=forms(*ALL), statements=60),
        document("p", kind=DocumentKind.PERFORMANCE, agency=None, year=None, performance=30),
    )
    assert shape([one]) == [[("a", "main", ALL), ("p", "performance", ())]]


def test_the_id_stays_and_the_version_follows_the_documents() -> None:
    (first,) = merged(document("a", forms=forms(*ALL)))
    (moved,) = merged(
        document("a", forms=forms(*ALL), url="http://hill.test/new", found_on="http://hill.test/n")
    )
    (reread,) = merged(document("a", forms=forms(*ALL), reader_version="2"))
    (said_more,) = merged(document("a", forms=forms(*ALL), digest="other"))
    (replaced,) = merged(document("b", forms=forms(*ALL)))
    every = [first, moved, reread, said_more, replaced]
    assert len({one.disclosure_id for one in every}) == 1
    assert first.version == moved.version
    assert len({one.version for one in every}) == 4


def test_local_files_with_the_same_forms_stay_two() -> None:
    local: dict[str, Any] = {
        "site": None, "url": None, "found_on": "folder", "published_on": None,
    }  # fmt: skip
    whole = document("a", forms=forms(*ALL), statements=60, **local)
    copy = document("b", forms=forms(*ALL), statements=60, **local)
    disclosures = assemble([whole, copy], alternates="separate")
    assert sorted(shape(disclosures)) == [[("a", "main", ALL)], [("b", "main", ALL)]]
    narrative = document("c", statements=60, year=2022, **local)
    tables = document("d", forms=forms(*ALL), agency=None, year=2022, media_type=XLSX, **local)
    disclosures = assemble([whole, copy, narrative, tables], alternates="separate")
    assert sorted(shape(disclosures))[2] == [("c", "narrative", ()), ("d", "tables", ALL)]
    again = assemble([tables, copy, narrative, whole, whole], alternates="separate")
    assert again == disclosures


@pytest.mark.parametrize("alternates", ["merge", "separate"])
def test_nothing_is_lost(alternates: Any) -> None:
    documents = [
        document(f"{number:x}", forms=forms(*ALL[: number % 4], peak=f"{number}"),
                 agency=None if number % 3 else "山城区财政局", year=2023 - number % 2,
                 statements=number % 5)
        for number in range(12)
    ]  # fmt: skip
    made = assemble(documents, alternates=alternates)
    placed = sorted(part.sha256 for one in made for part in one.documents)
    assert placed == sorted(one.sha256 for one in documents)


def fact(amount: str | None, *, agreed: bool = True) -> Fact:
    value = None if amount is None else Decimal(amount)
    return Fact("05", None, "201", None, "201", "支出", "total", value, "", 2, agreed=agreed)


def test_a_reading_is_summed_up() -> None:
    form = FormReading("05", "支出决算表", (3,), MoneyUnit.WAN, "central")
    reading = Reading(
        "a" * 64,
        PDF,
        DocumentKind.FINAL_ACCOUNTS,
        forms=(form,),
        facts=(fact("1.00"), fact("-7.50", agreed=False), fact(None)),
        statements=(
            Statement("收支", "total", "amount", Decimal("1.2"), "亿元", "……"),
            Statement("收支", "total", "share", Decimal("99"), "%", "……"),
        ),
    )
    (summary,) = summarise_forms(reading)
    assert (summary.cells, summary.suspect, summary.peak_wan) == (2, 1, Decimal("7.50"))
    assert largest_stated(reading) == {Decimal("12000")}
    made = DocumentReading.of(reading, reader_version="1", site="hill")
    assert (made.statements, made.forms, made.digest) == (2, (summary,), reading_digest(reading))
    assert Role("alternate") is Role.ALTERNATE
