"""The catalogue as data: complete, stable, and refused when malformed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from disclosures.verdicts import Dimension, Severity
from expectations.catalogue import Catalogue, Rule, load_catalogue, parse_suite
from expectations.catalogue_page import catalogue_page

RULE = """
title: 试验
rules:
  - id: test.rule
    title: 试验
    equation: 甲 = 乙
    computed_as: 乙
    forms: ['01']
    severity: error
    dimension: 真实性
    weight: 1
    basis: 无
    version: 1
    stated: 01.income.grand_total.amount
    plus: [01.expense.grand_total.amount]
"""


def test_it_covers_all_forms_and_dimensions() -> None:
    catalogue = load_catalogue()
    assert {form for rule in catalogue.rules for form in rule.forms} == {
        f"{n:02d}" for n in range(1, 10)
    }
    assert {rule.dimension for rule in catalogue.rules} == set(Dimension)
    assert [suite.name for suite in catalogue.suites] == [
        "between_forms",
        "between_units",
        "between_versions",
        "between_years",
        "narrative",
        "performance",
        "presentation",
        "within_forms",
    ]


def test_version_follows_content() -> None:
    one, other = parse_suite("s", RULE), parse_suite("s", RULE.replace("weight: 1", "weight: 2"))
    assert Catalogue((one,)).version != Catalogue((other,)).version
    assert Catalogue((one,)).version == Catalogue((parse_suite("s", RULE),)).version
    assert len(load_catalogue().version) <= 32


def test_describe_is_plain_data() -> None:
    rows = load_catalogue().describe()
    assert len(rows) == len(load_catalogue().rules)
    assert {"id", "title", "equation", "forms", "severity", "dimension", "basis", "version"} <= (
        rows[0].keys()
    )


def test_the_page_of_the_catalogue_is_that_of_this_catalogue() -> None:
    page = Path(__file__).parents[2] / "docs" / "catalogue.md"
    assert page.read_text(encoding="utf-8") == catalogue_page(load_catalogue()), (
        "run: juesuan rules --markdown > docs/catalogue.md"
    )


def test_the_page_numbers_the_clauses_of_every_rule() -> None:
    page = catalogue_page(load_catalogue())
    for rule in load_catalogue().rules:
        assert f"`{rule.id}`" in page
        for number, reason in enumerate(rule.not_applicable, start=1):
            assert f"\n{number}. {reason}" in page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weight: 1", "weihgt: 1"),
        ("01.income.grand_total.amount", "01.income.grand_totl.amount"),
        ("[01.expense.grand_total.amount]", "[03.each.total]"),
        ("    plus: [01.expense.grand_total.amount]\n", ""),
        ("severity: error", "severity: fatal"),
        ("weight: 1", "weight: 1\n    levels: [class]"),
        ("weight: 1", "weight: 1\n    when: [{reason: 没有条件}]"),
        ("weight: 1", "weight: 1\n    question: present:01"),
    ],
)
def test_malformed_rules_are_refused(old: str, new: str) -> None:
    assert old in RULE
    with pytest.raises(ValidationError):
        parse_suite("s", RULE.replace(old, new))


RULES = load_catalogue().rules
#: Modules that try every rule of some suites: once met, once violated, once not to be judged.
TRIED: dict[str, Callable[[Any], Iterable[Rule]]] = {
    "test_every_rule": lambda m: m.CATALOGUE.rules,
    "test_narrative_rules": lambda m: m.RULES,
    "test_performance_rules": lambda m: m.SUITE.rules,
    "test_history_rules": lambda m: m.SUITE.rules,
    "test_unit_rules": lambda m: m.SUITE.rules,
    "test_version_rules": lambda m: m.SUITE.rules,
}


def test_every_rule_is_tried_three_ways() -> None:
    tried = [rule.id for name, of in TRIED.items() for rule in of(importlib.import_module(name))]
    assert sorted(tried) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_says_all_that_an_auditor_needs(rule: Rule) -> None:
    for text in (rule.title, rule.equation, rule.basis):
        assert len(text) >= 4
        assert "$" not in text
    assert rule.severity is Severity.ERROR or rule.innocent
    assert not rule.innocent or rule.innocent.endswith("。")
    if rule.since and rule.until:
        assert rule.since <= rule.until
    clauses = rule.not_applicable
    assert len(set(clauses)) == len(clauses)
    for number, reason in enumerate(clauses, start=1):
        assert rule.exception(reason) == f"例外{number}：{reason}"


def test_every_clause_is_one_that_the_shapes_know() -> None:
    """A misspelt clause would never be named."""
    named = {clause for rule in RULES for clause in rule.exceptions}
    root = Path(__file__).parents[2] / "warehouse"
    code = "".join(p.read_text(encoding="utf-8") for p in root.glob("*.py"))
    assert {clause for clause in named if f'"{clause}"' not in code} == set()


def test_information_costs_no_points() -> None:
    assert [r.id for r in RULES if r.severity is Severity.INFO and r.weight] == []


def test_what_a_province_or_another_year_may_do_is_no_error() -> None:
    """Accounts of other disclosures, wording and codes differ for good reasons."""
    soft = {
        suite.name: {rule.severity for rule in suite.rules}
        for suite in load_catalogue().suites
        if suite.name in ("between_years", "between_units")
    }
    assert soft == {name: {Severity.WARN} for name in ("between_years", "between_units")}
    loose = [r for r in RULES if r.id.startswith(("codes.", "wording."))]
    assert [r.id for r in loose if r.severity is Severity.ERROR] == []
