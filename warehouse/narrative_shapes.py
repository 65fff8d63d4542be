"""The shapes of checks of the narrative, as rules of the catalogue carry them.

A shape picks statements by subject, measure and section, and names the figures to compare them
with. A **term** names such a figure:

* ``cell:01.income.income_total.amount``: a cell, or sum of cells, by address;
* ``item:05.total``: the cell of the 类, 款 or 项 that the statement is about, in a column;
* ``own:amount``: the nearest statement of the same subject in the same section; ``own:budget``
  is either kind of budget;
* ``said:amount:三公经费``: the nearest statement of another subject (a pattern), in the same
  section, else in the same chapter, else anywhere.

Where several terms are given, or one names several figures, the check holds if any of them fits:
what is ambiguous is never called an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from warehouse.addresses import Address
from warehouse.checks import Relation


class Spec(BaseModel):
    """The base of what a rule's ``check`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pick(Spec):
    """Statements by what they say. Patterns: ``subject`` must fit as a whole, the others are
    searched for; ``versus`` is with what a change compares, or of what a share is."""

    subject: str = ".*"
    measure: tuple[str, ...]
    section: str = ""
    not_section: str = ""
    quote: str = ""
    not_quote: str = ""
    versus: str = ""


class Tie(Spec):
    """A stated figure equals (or does not exceed) one of some figures."""

    shape: Literal["tie"]
    pick: Pick
    equals: tuple[str, ...]
    relation: Relation = "equal"


class Ratio(Spec):
    """A stated percentage is that of one of some pairs of part and whole. ``less_one``: of their
    difference to the whole; ``unsigned``: printed with or without its sign. ``trimmed``: of shares
    that add to exactly 100 each may be off by a unit more. ``same_sentence``: part and whole stand
    beside it. ``of_nothing``: checks only those whose part and whole are zero."""

    shape: Literal["ratio"]
    pick: Pick
    of: tuple[tuple[str, str], ...]
    less_one: bool = False
    unsigned: bool = False
    trimmed: bool = False
    same_sentence: bool = False
    of_nothing: bool = False


class Growth(Spec):
    """A stated rate of change is the change over the figure before it: change / (current −
    change)."""

    shape: Literal["growth"]
    pick: Pick
    current: tuple[str, ...]


class Direction(Spec):
    """Amount and rate of one change go the same way."""

    shape: Literal["direction"]
    pick: Pick


class Sum(Spec):
    """Stated parts add to a stated total (or not to more). ``parts`` are groups of subjects that
    are complete without ``optional`` and without those marked "?"; of the groups of which all
    others are stated, the one that comes nearest to the total counts. ``each`` adds up every
    statement of a pattern. ``cut``: figures may have been cut instead of rounded.
    ``every_figure``: only where every figure of the total's unit in the sentence was understood.
    A text may leave out parts: where it states one only, or the cells of those that it does not
    state (``unstated``, by subject; ``unlisted``, a form and column whose classes they are) fill
    the gap, nothing is compared (``parts_left``)."""

    shape: Literal["sum"]
    total: Pick
    parts: tuple[tuple[str, ...], ...] = ()
    optional: tuple[str, ...] = ()
    each: str = ""
    at_least: int = 2
    within: Literal["quote", "section", "chapter"] = "section"
    relation: Relation = "equal"
    cut: bool = False
    every_figure: bool = False
    unstated: dict[str, str] = {}
    unlisted: str = ""


class Weighted(Spec):
    """A stated total is the sum of amounts times the share that is stated for each: pairs of
    subjects. An amount of zero needs no share."""

    shape: Literal["weighted"]
    total: str
    kinds: tuple[tuple[str, str], ...]


class Prior(Spec):
    """The figure of the year before that a stated change implies: equal to (or not less than)
    the sum of what others imply."""

    shape: Literal["prior"]
    whole: str
    parts: tuple[tuple[str, ...], ...] = ()
    relation: Relation = "equal"
    within: Literal["chapter", "disclosure"] = "disclosure"


class NotBudget(Spec):
    """The year before that a change implies is not this year's initial budget."""

    shape: Literal["not_budget"]
    pick: Pick
    budget: str


class Repeat(Spec):
    """A figure that is stated again is the same."""

    shape: Literal["repeat"]
    pick: Pick


class Worded(Spec):
    """What a sentence says in words of an amount beside a budget or the year before (持平, 大于,
    小于) is what the stated figures say. Figures that meet within their rounding bear out every
    word."""

    shape: Literal["worded"]
    pick: Pick
    words: tuple[str, ...]


class Bases(Spec):
    """Two rates of one section start from the same initial budget: a stated adjustment of the
    budget, and a rate of completion that is not that of the stated full-year budget."""

    shape: Literal["bases"]
    pick: Pick


class Named(Spec):
    """A list of names in a sentence is that of the non-zero lines of a form."""

    shape: Literal["named"]
    pick: Pick
    after: str
    form: str
    classes: str


StatementShape = (
    Tie
    | Ratio
    | Growth
    | Direction
    | Sum
    | Weighted
    | Prior
    | NotBudget
    | Repeat
    | Worded
    | Bases
    | Named
)


def addresses_of(shape: StatementShape) -> Iterator[Address]:
    """The cells that a shape names.

    Raises:
        ValueError: a term is malformed or names no figure of the forms.
    """
    terms: list[str] = []
    if isinstance(shape, Tie):
        terms = list(shape.equals)
    elif isinstance(shape, Ratio):
        terms = [term for pair in shape.of for term in pair]
    elif isinstance(shape, Growth):
        terms = list(shape.current)
    elif isinstance(shape, NotBudget):
        terms = [shape.budget]
    elif isinstance(shape, Sum):
        terms = list(shape.unstated.values())
    for term in terms:
        kind, _, rest = term.partition(":")
        if kind == "cell":
            yield Address.parse(rest)
        elif kind == "item":
            form, _, column = rest.partition(".")
            Address.parse(f"{form}.each.{column}")
        elif kind not in ("own", "said") or not rest:
            raise ValueError(f"{term}: no such term")
