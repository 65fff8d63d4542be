"""The shapes of checks of performance forms, as rules of the catalogue carry them."""

from __future__ import annotations

from typing import Literal

from warehouse.checks import Relation
from warehouse.narrative_shapes import Pick, Spec


class Rate(Spec):
    """The stated rate of execution is what was spent of the budget."""

    shape: Literal["rate"]
    budgets: tuple[str, ...] = ("budget_full_year",)


class RateScore(Spec):
    """The points for execution are the weight times the rate, or times the rate over the target
    that an indicator whose name fits ``target`` sets."""

    shape: Literal["rate_score"]
    target: str


class Points(Spec):
    """Weights or scores add to the printed total; without one, to ``expected``."""

    shape: Literal["points"]
    of: Literal["weight", "score"]
    expected: int | None = None


class WithinWeight(Spec):
    """No score is higher than its weight."""

    shape: Literal["within_weight"]


class Target(Spec):
    """``missed``: an indicator whose target was missed has not all points. Otherwise: one whose
    target was met has."""

    shape: Literal["target"]
    missed: bool


class Cost(Spec):
    """No cost indicator of a project is higher than what the project spent."""

    shape: Literal["cost"]


class Echoed(Spec):
    """What was achieved is a figure of its own, not the target once more with its "≥" or "≤"."""

    shape: Literal["echoed"]


class Again(Spec):
    """A project's figure in a summary is that of its form."""

    shape: Literal["again"]
    measure: Literal["score", "executed", "budget_full_year", "budget_initial"]


class Accounts(Spec):
    """The money of a whole unit's form is that of the accounts."""

    shape: Literal["accounts"]
    measure: str
    equals: tuple[str, ...]


class Adjustment(Spec):
    """An indicator of how much the budget was adjusted is what the amounts say."""

    shape: Literal["adjustment"]
    indicator: str


class OtherFunds(Spec):
    """What a whole unit spent of funds whose names fit is what the accounts spent beyond the
    appropriations: ``total`` less ``appropriated``, all of them cells."""

    shape: Literal["other_funds"]
    funds: str
    total: str
    appropriated: tuple[str, ...]


class FundSum(Spec):
    """Sources of funds add to the total of the form, measure by measure. ``sources`` are sets of
    patterns; the rows of a form are complete when each pattern of a set fits one of them."""

    shape: Literal["fund_sum"]
    sources: tuple[tuple[str, ...], ...]


class RateBase(Spec):
    """A rate is that of the full-year budget, not of the initial one."""

    shape: Literal["rate_base"]


class ProjectsWithin(Spec):
    """All projects together, or those that name one item, spent no more than a column of a form
    holds: ``form`` and ``column``, or else what the text says of ``said``."""

    shape: Literal["projects_within"]
    form: str
    column: str
    said: str = ""
    by_item: bool = False
    relation: Relation = "at_most"


class Claim(Spec):
    """What the narrative says of all evaluated projects holds for their forms, else for the lines
    of the summary: that none scored ``lower``, what they cost together (``money``), and that there
    are not ``more`` or ``fewer`` of them."""

    shape: Literal["claim"]
    pick: Pick
    of: Literal["lower", "money", "more", "fewer"]
    relation: Relation = "equal"


class Quoted(Spec):
    """What the narrative says of one project is what its form says; ``unit``: of the whole
    unit."""

    shape: Literal["quoted"]
    pick: Pick
    unit: bool = False


class Ceiling(Spec):
    """Shares of a whole, which indicators whose names fit are, do not exceed 100 %."""

    shape: Literal["ceiling"]
    indicator: str
    relation: Relation = "at_most"


class NoneBought(Spec):
    """Where the narrative says that nothing was procured, no indicator counts procurements."""

    shape: Literal["none_bought"]
    indicator: str
    said: str


PerformanceShape = (
    Rate
    | RateScore
    | Points
    | WithinWeight
    | Target
    | Cost
    | Echoed
    | Again
    | Accounts
    | Adjustment
    | NoneBought
    | OtherFunds
    | FundSum
    | RateBase
    | ProjectsWithin
    | Claim
    | Quoted
    | Ceiling
)
