"""The catalogue of identities as data.

Every file in ``rules/`` is a suite: ``within_forms.yaml`` holds the identities within one form, and
so on. A rule states one identity once; ``expand`` repeats it over columns or forms. See
``docs/adding-an-identity.md``.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from string import Template
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from disclosures.forms import forms
from disclosures.verdicts import Dimension, Severity
from warehouse.addresses import Address, Question
from warehouse.checks import COMPUTED, COMPUTED_HALF, RULE, STATED, STATED_HALF
from warehouse.history_marts import Carried, HistoryShape, addresses_of_last_year
from warehouse.indicators import INDICATORS
from warehouse.narrative_shapes import StatementShape, addresses_of
from warehouse.performance_shapes import Cost, PerformanceShape, WithinWeight
from warehouse.unit_marts import Summed
from warehouse.version_marts import Reissued

#: Raised by hand when the meaning of the catalogue changes; the hash beside it tells the rest.
SEMANTIC_VERSION = "1.0"

Level = Literal["total", "class", "section", "item"]
#: Digits of a code by level; economic codes have classes (301) and items (30101).
LEVEL_DIGITS: Mapping[str, tuple[int, ...]] = {
    "total": (0,),
    "class": (3,),
    "section": (5,),
    "item": (6, 7, 8, 9),
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clause(_Model):
    """One condition under which a rule applies; ``reason`` is what the auditor is told otherwise.

    Exactly one of: ``zero`` (all these figures are zero), ``same`` (these two figures are equal
    within their rounding), ``printed`` (the form prints this cell), ``nonzero`` (at least one of
    these figures is not zero), ``broken_down`` (the first figure is zero or one of the others is
    not: the form does break the first down into the others), ``title_without`` (the printed
    titles of the rule's forms hold none of these words).
    """

    zero: tuple[str, ...] = ()
    same: tuple[str, str] | None = None
    printed: str | None = None
    nonzero: tuple[str, ...] = ()
    broken_down: tuple[str, ...] = ()
    title_without: tuple[str, ...] = ()
    reason: str = Field(min_length=4)

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = self.model_dump(exclude={"reason"}).values()
        if sum(bool(g) for g in given) != 1:
            raise ValueError("a clause has exactly one condition")
        return self


#: Shapes whose stated side is the upper bound.
_BOUNDS = (WithinWeight, Cost)


class Rule(_Model):
    """One identity: its public definition, its terms and where it comes from."""

    id: str = Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)+$", max_length=64)
    """Stable for ever; findings and waivers refer to it."""
    title: str
    equation: str
    """The identity in the words of the forms, for auditors."""
    computed_as: str | None = None
    """What the computed side is, inside a sentence: "各项收入相加"."""
    forms: tuple[str, ...] = ()
    severity: Severity
    dimension: Dimension
    weight: int = Field(ge=0)
    basis: str
    version: int = Field(ge=1)
    since: int | None = None
    """First year of accounts for which the identity holds."""
    until: int | None = None
    relation: Literal["equal", "at_most", "holds", "checked"] = "equal"
    """``equal``: stated = plus − minus; ``at_most``: plus − minus ≤ stated; ``holds``: a question
    is answered yes; ``checked``: a figure of the narrative or of a performance form is what
    ``check`` says."""
    stated: str | None = None
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    question: str | None = None
    """``holds`` only: the indicator, with its argument after a colon ("present:$form")."""
    parameters: dict[str, int | str | list[str]] = {}
    answer_no: str | None = None
    """``holds``: the sentence for a no; ``$form`` is the form's title, ``$detail`` what the
    indicator found, ``$year`` the year of the accounts. ``checked``: the sentence for a violation,
    where the usual one does not fit; see :mod:`expectations.checked`."""
    unknown: str | None = None
    """``holds`` only: what is missing when the question cannot be answered."""
    levels: tuple[Level, ...] = ()
    """Codes that a rule of the grain ``code`` looks at; all when empty."""
    expand: dict[str, tuple[str, ...]] = {}
    """Repeats the rule, once per value, with ``$key`` replaced in addresses and question."""
    when: tuple[Clause, ...] = ()
    check: StatementShape | PerformanceShape | HistoryShape | Summed | Reissued | None = Field(
        default=None, discriminator="shape"
    )
    exceptions: dict[str, str] = {}
    """``checked`` only: the clauses under which it does not apply, with what auditors are told;
    they are numbered in their order."""
    innocent: str | None = None
    """What may explain a violation innocently, and is to be looked at first."""

    @model_validator(mode="after")
    def _terms_fit(self) -> Self:
        if self.severity is not Severity.ERROR and self.innocent is None:
            raise ValueError(f"{self.id}: what is no error needs its innocent explanation")
        if self.relation == "checked" or self.check is not None:
            return self._check_fits()
        linear = self.stated is not None and bool(self.plus) and self.computed_as is not None
        asked = self.question is not None and self.answer_no is not None
        if self.relation == "holds" and (not asked or self.stated or self.plus or self.minus):
            raise ValueError(f"{self.id}: holds takes a question and answer_no, and no terms")
        if self.relation != "holds" and (not linear or self.question or self.answer_no):
            raise ValueError(f"{self.id}: stated, plus and computed_as are needed")
        for form in self.forms:
            if form not in forms():
                raise ValueError(f"{self.id}: no form {form}")
        grains = {instance.grain for instance in self.instances()}
        if len(grains) != 1:
            raise ValueError(f"{self.id}: figures of different grains in one identity")
        # PostgreSQL cuts names at 63 bytes, and so would lose columns of the mart.
        for instance in self.instances():
            names = [instance.mask_column, *(a.addend_half_column for a in instance.terms)]
            if any(len(name.encode()) > 63 for name in names):
                raise ValueError(f"{self.id}: names are too long for a column of the mart")
        if self.levels and grains != {"code"}:
            raise ValueError(f"{self.id}: levels make sense for codes only")
        return self

    def _check_fits(self) -> Self:
        terms = (self.stated, self.plus, self.minus, self.question, self.when, self.expand)
        if self.relation != "checked" or self.check is None or any(terms) or self.levels:
            raise ValueError(f"{self.id}: checked takes a check and no terms")
        if self.computed_as is None and self.answer_no is None:
            raise ValueError(f"{self.id}: computed_as or answer_no is needed")
        if isinstance(self.check, StatementShape):
            list(addresses_of(self.check))
        if isinstance(self.check, Carried):
            Address.parse(self.check.stated)
        if isinstance(self.check, Summed):
            Address.parse(self.check.cell)
        if isinstance(self.check, HistoryShape):
            for address in addresses_of_last_year(self.check):
                Address.parse(address)
        return self

    @property
    def not_applicable(self) -> tuple[str, ...]:
        """The clauses under which the rule has nothing to say, in the order of their numbers."""
        reasons = [clause.reason for clause in self.when] + list(self.exceptions.values())
        return (*reasons, *filter(None, (self.before, self.after)))

    @property
    def before(self) -> str:
        """The clause of the years before ``since``, if it has one."""
        return "" if self.since is None else f"{self.since} 年度以前"

    @property
    def after(self) -> str:
        """The clause of the years after ``until``, if it has one."""
        return "" if self.until is None else f"{self.until} 年度以后"

    def exception(self, reason: str) -> str:
        """A clause under which the rule does not apply, with its number as the catalogue prints
        it."""
        return f"例外{self.not_applicable.index(reason) + 1}：{reason}"

    @property
    def grain(self) -> str:
        """What one check looks at."""
        if self.check is not None:
            if isinstance(self.check, HistoryShape):
                return "history"
            if isinstance(self.check, Summed):
                return "units"
            if isinstance(self.check, Reissued):
                return "versions"
            return "statement" if isinstance(self.check, StatementShape) else "performance"
        return next(self.instances()).grain

    def instances(self) -> Iterator[Instance]:
        """The rule once per expansion, with addresses parsed. None where it is ``checked``.

        Raises:
            ValueError: an address names no figure of the forms.
        """
        if self.check is not None:
            return
        keys = list(self.expand)
        for values in itertools.product(*self.expand.values()):
            names = dict(zip(keys, values, strict=True))
            yield Instance(
                rule=self,
                expansion=values,
                stated=self._one(self.stated, names) if self.stated else None,
                plus=self._all(self.plus, names),
                minus=self._all(self.minus, names),
                question=self._question(names),
                clauses=tuple(
                    ParsedClause(
                        clause,
                        zero=self._all(clause.zero, names),
                        nonzero=self._all(clause.nonzero, names),
                        broken_down=self._all(clause.broken_down, names),
                        same=self._all(clause.same or (), names),
                        printed=self._one(clause.printed, names) if clause.printed else None,
                    )
                    for clause in self.when
                ),
            )

    def _question(self, names: Mapping[str, str]) -> Question | None:
        if self.question is None:
            return None
        name, _, argument = Template(self.question).substitute(names).partition(":")
        if name not in INDICATORS:
            raise ValueError(f"{self.id}: no indicator {name}")
        hashable = {k: tuple(v) if isinstance(v, list) else v for k, v in self.parameters.items()}
        return Question(name, argument, tuple(sorted(hashable.items())))

    def _one(self, text: str, names: Mapping[str, str]) -> Address:
        found = self._all((text,), names)
        if len(found) != 1:
            raise ValueError(f"{self.id}: {text} names several figures")
        return found[0]

    @staticmethod
    def _all(texts: tuple[str, ...], names: Mapping[str, str]) -> tuple[Address, ...]:
        return tuple(
            Address.parse(one)
            for text in texts
            for one in _alternatives(Template(text).substitute(names))
        )


_CHOICE = re.compile(r"\(([^()]*)\)")


def _alternatives(text: str) -> Iterator[str]:
    """``02.total.(business|other)`` names two figures."""
    match = _CHOICE.search(text)
    if match is None:
        yield text
        return
    for choice in match[1].split("|"):
        yield from _alternatives(text[: match.start()] + choice + text[match.end() :])


@dataclass(frozen=True)
class ParsedClause:
    """A clause with its addresses."""

    clause: Clause
    zero: tuple[Address, ...] = ()
    nonzero: tuple[Address, ...] = ()
    broken_down: tuple[Address, ...] = ()
    same: tuple[Address, ...] = ()
    printed: Address | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        return self.zero + self.nonzero + self.broken_down + self.same


@dataclass(frozen=True)
class Instance:
    """One expansion of a rule: what one Great Expectations expectation checks."""

    rule: Rule
    expansion: tuple[str, ...]
    stated: Address | None
    plus: tuple[Address, ...]
    minus: tuple[Address, ...]
    question: Question | None
    clauses: tuple[ParsedClause, ...] = field(default=())

    @property
    def key(self) -> str:
        return "/".join((self.rule.id, *self.expansion))

    @property
    def terms(self) -> tuple[Address, ...]:
        """Stated first, then the addends."""
        return ((self.stated,) if self.stated else ()) + self.plus + self.minus

    @property
    def grain(self) -> str:
        if self.question is not None:
            return self.question.grain
        grains = {address.grain for address in self.terms}
        if len(grains) != 1:
            raise ValueError(f"{self.rule.id}: figures of different grains in one identity")
        return grains.pop()

    @property
    def forms(self) -> tuple[str, ...]:
        """Forms whose figures it needs, in the order of its terms."""
        return tuple(dict.fromkeys(address.form for address in self.terms)) or self.rule.forms

    @property
    def mask_column(self) -> str:
        """The mart column that is 1 where the identity applies and NULL elsewhere."""
        return f"applies.{self.key}"


@dataclass(frozen=True)
class CheckedInstance:
    """A rule that checks stated figures: what one Great Expectations expectation checks.
    ``number`` tells its rows of the long mart."""

    rule: Rule
    number: int

    @property
    def key(self) -> str:
        return self.rule.id

    @property
    def relation(self) -> Literal["equal", "at_most"]:
        check = self.rule.check
        if isinstance(check, _BOUNDS):
            return "at_most"
        return getattr(check, "relation", "equal")

    @property
    def columns(self) -> tuple[str, ...]:
        """Stated figure, its half width, what it is compared with, its half width, the rule."""
        return (STATED, STATED_HALF, COMPUTED, COMPUTED_HALF, RULE)


@dataclass(frozen=True)
class Suite:
    """The rules of one file."""

    name: str
    title: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Catalogue:
    """All suites. ``version`` is a label and a hash over every rule and the scheme of scores."""

    suites: tuple[Suite, ...]

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for suite in self.suites for rule in suite.rules)

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def version(self) -> str:
        scoring = (files(__package__) / "scoring.yaml").read_text(encoding="utf-8")
        content = "\n".join([*(rule.model_dump_json() for rule in self.rules), scoring])
        return f"{SEMANTIC_VERSION}+{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        return tuple(instance for rule in self.rules for instance in rule.instances())

    @cached_property
    def checked(self) -> tuple[CheckedInstance, ...]:
        return tuple(
            CheckedInstance(rule, number)
            for number, rule in enumerate(self.rules)
            if rule.check is not None
        )

    def describe(self) -> list[dict[str, Any]]:
        """One row per rule for the command line and the data docs."""
        return [
            {
                "id": rule.id,
                "title": rule.title,
                "equation": rule.equation,
                "suite": suite.name,
                "forms": list(rule.forms),
                "severity": rule.severity.value,
                "dimension": rule.dimension.value,
                "weight": rule.weight,
                "since": rule.since,
                "until": rule.until,
                "basis": rule.basis,
                "version": rule.version,
                "innocent": rule.innocent,
                "not_applicable": list(rule.not_applicable),
            }
            for suite in self.suites
            for rule in suite.rules
        ]


class _SuiteFile(_Model):
    title: str
    rules: tuple[Rule, ...]


def parse_suite(name: str, text: str) -> Suite:
    """Read one suite.

    Raises:
        pydantic.ValidationError: a rule is malformed; the error names the field.
    """
    content = _SuiteFile.model_validate(yaml.safe_load(text))
    return Suite(name, content.title, content.rules)


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that is part of the package.

    Raises:
        ValueError: two rules share an id.
    """
    folder = files(__package__) / "rules"
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".yaml")),
        key=lambda entry: entry.name,
    )
    suites = tuple(
        parse_suite(entry.name.removesuffix(".yaml"), entry.read_text(encoding="utf-8"))
        for entry in entries
    )
    ids = [rule.id for suite in suites for rule in suite.rules]
    twice = {i for i in ids if ids.count(i) > 1}
    if twice:
        raise ValueError(f"rules share an id: {sorted(twice)}")
    return Catalogue(suites)
