"""Synthetic clean figures: invented departments whose every identity holds.

Amounts are drawn and added up in 元 and printed in 万元, each cell rounded on its own, so sums
of printed figures are off by a hundredth now and then, as they are in real disclosures.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from disclosures.amounts import MoneyUnit
from disclosures.forms import expense_classes, forms
from disclosures.rendering.figures import (
    CodedFigures,
    CodedRow,
    Figures,
    Forms,
    FundRow,
    Indicator,
    Narrative,
    Overview,
    PanelFigures,
    PanelItem,
    Performance,
    ProjectReview,
    SelfEvaluation,
    Stated,
    ThreePublicFigures,
    TwoSidedFigures,
    load_strings,
)

#: 国有资本经营预算 came with the forms of 2020.
_STATE_CAPITAL_SINCE = 2020

#: Amounts in 元. An int, so that sums are exact.
Yuan = int

_PROCURED_FROM: Yuan = 100_000

_OTHER_INCOME = ("superior_subsidy", "business", "operating", "subordinate_remittance", "other")
_PERSONNEL_TIES = {
    "2080505": "30108",
    "2080506": "30109",
    "2101101": "30110",
    "2101102": "30110",
    "2101103": "30111",
    "2210201": "30113",
    "2080501": "30302",
    "2080502": "30302",
    "2080801": "30304",
    "2210203": "30102",
}


def synthetic_figures(
    seed: int, year: int = 2023, forms_unit: MoneyUnit = MoneyUnit.WAN
) -> Figures:
    """Clean figures of an invented department; the same seed gives the same figures.

    Departments, sizes (some 40 万元 to some 2,000,000 万元), zeros, funds and the parts of the
    narrative differ from seed to seed; region and agency together repeat after 180,000 seeds.
    ``forms_unit`` may be 元, exact to the 分; the narrative is in 万元. Before 2020 there is no
    form 08.
    """
    return _Department(seed, year, forms_unit).figures()


@cache
def _vocabulary() -> dict[str, Any]:
    raw = load_strings((files(__package__) / "vocabulary.yaml").read_text(encoding="utf-8"))
    assert isinstance(raw, dict)
    return raw


@dataclass
class _Item:
    """One 项: expenditure by who pays for it, and what pays."""

    general_basic: Yuan = 0
    general_project: Yuan = 0
    general_opening: Yuan = 0
    general_closing: Yuan = 0
    fund: Yuan = 0
    fund_opening: Yuan = 0
    fund_closing: Yuan = 0
    capital: Yuan = 0
    other_basic: Yuan = 0
    other_project: Yuan = 0
    operating: Yuan = 0
    other_income: dict[str, Yuan] = field(default_factory=dict)

    @property
    def general(self) -> Yuan:
        return self.general_basic + self.general_project

    @property
    def general_income(self) -> Yuan:
        return self.general + self.general_closing - self.general_opening

    @property
    def fund_income(self) -> Yuan:
        return self.fund + self.fund_closing - self.fund_opening

    @property
    def appropriation(self) -> Yuan:
        return self.general_income + self.fund_income + self.capital

    @property
    def income(self) -> Yuan:
        return self.appropriation + sum(self.other_income.values())

    @property
    def basic(self) -> Yuan:
        return self.general_basic + self.other_basic

    @property
    def project(self) -> Yuan:
        return self.general_project + self.fund + self.capital + self.other_project

    @property
    def spent(self) -> Yuan:
        return self.basic + self.project + self.operating


class _Department:
    def __init__(self, seed: int, year: int, forms_unit: MoneyUnit) -> None:
        self.random = random.Random(seed)
        self.year, self.forms_unit = year, forms_unit
        words = _vocabulary()
        places, districts, bodies = words["places"], words["districts"], words["bodies"]
        # Neighbouring seeds are different departments: 7919 shares no factor with their number.
        rest, place = divmod(seed * 7919 % 180_000, len(places))
        rest, body = divmod(rest, len(bodies))
        rest, district = divmod(rest, len(districts))
        self.place, self.body = places[place], bodies[body]
        prefix = words["prefixes"][rest % len(words["prefixes"])]
        self.agency = f"{prefix}{districts[district]}{self.body['name']}"
        self.institution = self.body.get("institution") == "true"
        self.items: dict[str, _Item] = defaultdict(_Item)
        self.names: dict[str, str] = dict(words["names"])
        # 合计 of a department: lognormal around 1,200 万元.
        self.size: Yuan = int(min(2e10, max(4e5, self.random.lognormvariate(16.3, 1.4))))
        self.zero = self.random.choice(("0.00", ""))
        self.npb_used: Yuan = 0
        self.distribution: Yuan = 0
        self.other_opening: Yuan = 0
        self.other_closing: Yuan = 0
        self._spend()
        self.economic = self._economic()
        self.public = self._three_public()

    # --------------------------------------------------------------------- what happened

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _part(self, whole: Yuan, low: float, high: float) -> Yuan:
        """A part of an amount; amounts carry 分 in reality, 元 here."""
        return int(whole * self.random.uniform(low, high))

    def _spend(self) -> None:
        body = self.body
        group = body["group"]
        running = body.get("running", group + ("50" if self.institution else "01"))
        running_name = body.get("running_name", "事业运行" if self.institution else "行政运行")
        self.names |= {group: body["group_name"], running: running_name, **body["items"]}
        for expense_class in expense_classes():
            self.names[expense_class.code] = expense_class.title

        personnel = self._part(self.size, 0.25, 0.9)
        self.items[running].general_basic = self._part(personnel, 0.6, 0.8)
        social = (
            ("2080505", 0.07, 1.0),
            ("2080506", 0.03, 0.6),
            ("2101102" if self.institution else "2101101", 0.04, 0.95),
            ("2101103", 0.02, 0.5),
            ("2210201", 0.08, 0.97),
            ("2210203", 0.02, 0.15),
            ("2080502" if self.institution else "2080501", 0.03, 0.7),
            ("2080801", 0.01, 0.2),
        )
        for code, share, probability in social:
            if self._chance(probability):
                self.items[code].general_basic = self._part(personnel, share * 0.7, share * 1.3)
        basic = sum(item.general_basic for item in self.items.values())
        left = max(self.size - basic, self.size // 20)
        codes = list(body["items"])
        chosen = self.random.sample(
            codes, self.random.randint(0 if self.size < 2e6 else 1, len(codes))
        )
        for code in sorted(chosen):
            self.items[code].general_project = self._part(left, 0.05, 0.9 / len(chosen))
        if self._chance(0.15):
            self.items["2130599"].general_project = self._part(left, 0.001, 0.02) + 10_000
        if self._chance(0.3):
            part = self._part(left, 0.01, 0.1)
            # 行政运行 is for basic expenditure, 事业运行 for either.
            self.items[running].general_project = part if running_name != "行政运行" else 0
        for item in self.items.values():
            if item.general_project and self._chance(0.25):
                item.general_opening = self._part(item.general_project, 0.0, 0.5)
            if item.general_project and self._chance(0.2):
                item.general_closing = self._part(item.general_project, 0.0, 0.3)
        self._funds(left)
        self._other_money(running)
        for code in [code for code, item in self.items.items() if not (item.spent or item.income)]:
            del self.items[code]

    def _funds(self, left: Yuan) -> None:
        if self._chance(0.2):
            fund_codes = ("2120801", "2120803", "2120899", "2296003")
            for code in self.random.sample(fund_codes, self.random.randint(1, 2)):
                item = self.items[code]
                item.fund = self._part(left, 0.05, 0.6) + 1_000
                if self._chance(0.3):
                    item.fund_opening = self._part(item.fund, 0.0, 0.4)
                if self._chance(0.3):
                    item.fund_closing = self._part(item.fund, 0.0, 0.4)
        if self._chance(0.08) and self.year >= _STATE_CAPITAL_SINCE:
            self.items["2230105"].capital = self._part(left, 0.01, 0.1) + 1_000

    def _other_money(self, running: str) -> None:
        """Income beside appropriations: institutions earn, agencies have a little 其他收入."""
        item = self.items[running]
        if self.institution and self._chance(0.7):
            kinds = self.random.sample(_OTHER_INCOME, self.random.randint(1, 3))
        elif self._chance(0.35):
            kinds = ["other"]
        else:
            return
        for kind in kinds:
            low, high = (0.02, 0.4) if self.institution else (0.0001, 0.02)
            item.other_income[kind] = self._part(self.size, low, high) + 100
        earned = sum(item.other_income.values())
        if self._chance(0.4):
            self.other_opening = self._part(earned, 0.0, 0.3)
        if self.institution and self._chance(0.2):
            self.npb_used = self._part(earned, 0.0, 0.2)
        available = earned + self.other_opening + self.npb_used
        if self._chance(0.4):
            self.other_closing = self._part(available, 0.0, 0.5)
        if self.institution and self._chance(0.2):
            self.distribution = self._part(available - self.other_closing, 0.0, 0.2)
        spendable = available - self.other_closing - self.distribution
        if "operating" in item.other_income:
            item.operating = self._part(spendable, 0.1, 0.4)
        basic = self._part(spendable - item.operating, 0.2, 1.0)
        item.other_basic = basic if self.names[running] != "行政运行" else spendable
        item.other_project = spendable - item.operating - item.other_basic

    def _economic(self) -> dict[str, Yuan]:
        """Basic expenditure from the general budget by economic 款; it adds up exactly."""
        amounts: dict[str, Yuan] = defaultdict(int)
        free = 0
        for code, item in self.items.items():
            tied = _PERSONNEL_TIES.get(code)
            if tied:
                amounts[tied] += item.general_basic
            else:
                free += item.general_basic
        public = self._part(free, 0.05, 0.3)
        pay = ["30101", "30102", "30103", "30112"]
        pay += ["30107"] if self.institution else []
        pay += [code for code in ("30199", "30305", "30309", "30399", "30114") if self._chance(0.3)]
        self._spread(amounts, free - public, pay)
        goods = ["30201", "30228"]
        optional = "30202 30205 30206 30207 30208 30209 30211 30213 30215 30216 30226 30227 30229"
        optional += " 30239 30299 31002"
        goods += [code for code in optional.split() if self._chance(0.5)]
        small = [code for code in ("30217", "30231") if self._chance(0.5)]
        for code in small:
            amounts[code] = self._part(public, 0.001, 0.05)
        self._spread(amounts, public - sum(amounts[code] for code in small), goods)
        return {code: amount for code, amount in amounts.items() if amount}

    def _spread(self, amounts: dict[str, Yuan], total: Yuan, codes: list[str]) -> None:
        weights = [self.random.uniform(0.2, 3.0) for _ in codes]
        left = total
        for code, weight in zip(codes[1:], weights[1:], strict=True):
            share = int(total * weight / sum(weights))
            amounts[code] += share
            left -= share
        amounts[codes[0]] += left

    def _three_public(self) -> dict[str, dict[str, Yuan]]:
        projects = sum(item.general_project for item in self.items.values())
        actual = {
            "overseas": self.economic.get("30212", 0),
            "vehicle_purchase": self.economic.get("31013", 0),
            "vehicle_operation": self.economic.get("30231", 0),
            "hospitality": self.economic.get("30217", 0),
        }
        if projects > 2_000_000:
            if self._chance(0.3):
                actual["hospitality"] += self._part(projects, 0.0, 0.004)
            if self._chance(0.3):
                actual["vehicle_operation"] += self._part(projects, 0.0, 0.01)
            if self._chance(0.1):
                actual["vehicle_purchase"] += 100_000 + self._part(100_000, 0.0, 1.5)
        budget = {}
        for key, spent in actual.items():
            factor = self.random.choice((1.0, 1.0, self.random.uniform(1.0, 2.0)))
            budget[key] = int(spent * factor)
            if not spent and self._chance(0.1):
                budget[key] = self.random.randint(1, 30) * 1_000
        return {"budget": _with_totals(budget), "actual": _with_totals(actual)}

    # ------------------------------------------------------------------------ as printed

    def _print(self, amount: Yuan) -> str:
        """A cell of a form, in its unit: to the 分 in 元, rounded in 万元."""
        if not amount:
            return self.zero
        return wan(amount) if self.forms_unit is MoneyUnit.WAN else f"{amount}.00"

    def figures(self) -> Figures:
        performance = self._performance()
        return Figures(
            agency=self.agency,
            region=self.place["name"],
            region_code=self.place["code"],
            year=self.year,
            forms_unit=self.forms_unit,
            scope="单位" if self.institution else "部门",
            remarks=("本文件为合成样例，所载单位和数据均属虚构。",),
            forms=self._forms(),
            narrative=self._narrative(performance),
            performance=performance,
        )

    def _forms(self) -> Forms:
        return Forms.model_validate(
            {
                "01": self._form_01(),
                "02": self._form_02(),
                "03": self._form_03(),
                "04": self._form_04(),
                "05": self._form_05(),
                "06": self._form_06(),
                "07": self._form_07(),
                "08": self._form_08() if self.year >= _STATE_CAPITAL_SINCE else None,
                "09": self._form_09(),
            }
        )

    def _sum(self, amount: Callable[[_Item], Yuan], prefix: str = "") -> Yuan:
        return sum(amount(item) for code, item in self.items.items() if code.startswith(prefix))

    def _classes(self, amount: Callable[[_Item], Yuan]) -> dict[str, Yuan]:
        return {c.code: self._sum(amount, c.code) for c in expense_classes() if c.ordinal} | {
            code[:3]: self._sum(amount, code[:3]) for code in self.items
        }

    def _opening(self) -> Yuan:
        own = self._sum(lambda item: item.general_opening + item.fund_opening)
        return own + self.other_opening

    def _closing(self) -> Yuan:
        own = self._sum(lambda item: item.general_closing + item.fund_closing)
        return own + self.other_closing

    def _other_income(self, kind: str) -> Yuan:
        return self._sum(lambda item: item.other_income.get(kind, 0))

    def _income_lines(self) -> dict[str, Yuan]:
        return {
            "general_budget": self._sum(lambda item: item.general_income),
            "government_fund": self._sum(lambda item: item.fund_income),
            "state_capital": self._sum(lambda item: item.capital),
            **{kind: self._other_income(kind) for kind in _OTHER_INCOME},
        }

    def _form_01(self) -> TwoSidedFigures:
        income = self._income_lines()
        total = sum(income.values())
        spent = self._sum(lambda item: item.spent)
        grand = total + self.npb_used + self._opening()
        assert grand == spent + self.distribution + self._closing()
        return TwoSidedFigures(
            income=self._printed(
                {
                    **income,
                    "income_total": total,
                    "non_appropriation_balance_used": self.npb_used,
                    "opening_balance": self._opening(),
                    "grand_total": grand,
                }
            ),
            expense={
                **self._printed(self._classes(lambda item: item.spent)),
                **self._printed(
                    {
                        "expense_total": spent,
                        "balance_distribution": self.distribution,
                        "closing_balance": self._closing(),
                        "grand_total": grand,
                    }
                ),
            },
        )

    def _printed(self, amounts: Mapping[str, Yuan]) -> dict[str, str]:
        return {key: self._print(amount) for key, amount in amounts.items()}

    def _coded(
        self, columns: Mapping[str, Callable[[_Item], Yuan]], shown: Callable[[_Item], bool]
    ) -> dict[str, Any]:
        """Rows by 类, 款 and 项 of the items that are shown, and their total."""
        codes = sorted(code for code, item in self.items.items() if shown(item))
        rows = []
        for code in sorted({code[:n] for code in codes for n in (3, 5, 7)}):
            values = {
                key: sum(amount(self.items[c]) for c in codes if c.startswith(code))
                for key, amount in columns.items()
            }
            rows.append(CodedRow(code=code, name=self.names[code], values=self._printed(values)))
        total = {key: sum(amount(self.items[c]) for c in codes) for key, amount in columns.items()}
        return {"rows": tuple(rows), "total": self._printed(total)}

    def _form_02(self) -> CodedFigures:
        def other(kind: str) -> Callable[[_Item], Yuan]:
            return lambda item: item.other_income.get(kind, 0)

        columns: dict[str, Callable[[_Item], Yuan]] = {
            "total": lambda item: item.income,
            "appropriation": lambda item: item.appropriation,
            **{kind: other(kind) for kind in _OTHER_INCOME},
        }
        return CodedFigures(**self._coded(columns, lambda item: item.income != 0))

    def _form_03(self) -> CodedFigures:
        columns: dict[str, Callable[[_Item], Yuan]] = {
            "total": lambda item: item.spent,
            "basic": lambda item: item.basic,
            "project": lambda item: item.project,
            "remitted_to_superior": lambda item: 0,
            "operating": lambda item: item.operating,
            "subsidy_to_subordinates": lambda item: 0,
        }
        return CodedFigures(**self._coded(columns, lambda item: item.spent != 0))

    def _form_04(self) -> TwoSidedFigures:
        incomes = self._income_lines()
        funds = ("general_budget", "government_fund", "state_capital")
        income = {key: incomes[key] for key in funds}
        openings = {
            "opening_general_budget": self._sum(lambda item: item.general_opening),
            "opening_government_fund": self._sum(lambda item: item.fund_opening),
            "opening_state_capital": 0,
        }
        opening = sum(openings.values())
        grand = sum(income.values()) + opening

        def across(general: Yuan, fund: Yuan, capital: Yuan) -> dict[str, str]:
            total = general + fund + capital
            return self._printed(
                {
                    "total": total,
                    "general_budget": general,
                    "government_fund": fund,
                    "state_capital": capital,
                }
            )

        general = self._classes(lambda item: item.general)
        fund = self._classes(lambda item: item.fund)
        capital = self._classes(lambda item: item.capital)
        spent = (sum(general.values()), sum(fund.values()), sum(capital.values()))
        closing = (
            self._sum(lambda item: item.general_closing),
            self._sum(lambda item: item.fund_closing),
            0,
        )
        assert grand == sum(spent) + sum(closing)
        totals = tuple(a + b for a, b in zip(spent, closing, strict=True))
        return TwoSidedFigures(
            income=self._printed(
                {
                    **income,
                    "income_total": sum(income.values()),
                    "opening_balance": opening,
                    **openings,
                    "grand_total": grand,
                }
            ),
            expense={
                **{code: across(general[code], fund[code], capital[code]) for code in general},
                "expense_total": across(*spent),
                "closing_balance": across(*closing),
                "grand_total": across(*totals),
            },
        )

    def _form_05(self) -> CodedFigures:
        columns: dict[str, Callable[[_Item], Yuan]] = {
            "total": lambda item: item.general,
            "basic": lambda item: item.general_basic,
            "project": lambda item: item.general_project,
        }
        return CodedFigures(**self._coded(columns, lambda item: item.general != 0))

    def _form_06(self) -> PanelFigures:
        personnel_groups = forms()["06"].personnel_groups
        items = []
        for code, name in _vocabulary()["economic"]:
            amount = sum(v for key, v in self.economic.items() if key.startswith(code))
            items.append(PanelItem(code=code, name=name, amount=self._print(amount)))
        personnel = sum(v for code, v in self.economic.items() if code[:3] in personnel_groups)
        public = sum(self.economic.values()) - personnel
        assert personnel + public == self._sum(lambda item: item.general_basic)
        return PanelFigures(
            items=tuple(items),
            personnel_total=self._print(personnel),
            public_total=self._print(public),
        )

    def _form_07(self) -> CodedFigures:
        columns: dict[str, Callable[[_Item], Yuan]] = {
            "opening_balance": lambda item: item.fund_opening,
            "income": lambda item: item.fund_income,
            "total": lambda item: item.fund,
            "basic": lambda item: 0,
            "project": lambda item: item.fund,
            "closing_balance": lambda item: item.fund_closing,
        }
        return self._maybe_empty(columns, lambda item: item.fund != 0, "政府性基金预算")

    def _form_08(self) -> CodedFigures:
        columns: dict[str, Callable[[_Item], Yuan]] = {
            "opening_balance": lambda item: 0,
            "income": lambda item: item.capital,
            "total": lambda item: item.capital,
            "basic": lambda item: 0,
            "project": lambda item: item.capital,
            "closing_balance": lambda item: 0,
        }
        return self._maybe_empty(columns, lambda item: item.capital != 0, "国有资本经营预算")

    def _form_09(self) -> ThreePublicFigures:
        budget, actual = self.public["budget"], self.public["actual"]
        nothing = not budget["total"] and not actual["total"]
        return ThreePublicFigures(
            budget=self._printed(budget),
            actual=self._printed(actual),
            empty_statement=self._nothing("“三公”经费支出") if nothing else "",
        )

    def _nothing(self, what: str) -> str:
        scope = "单位" if self.institution else "部门"
        return f"本{scope}{self.year}年度没有{what}，本表为空表。"

    def _maybe_empty(
        self,
        columns: Mapping[str, Callable[[_Item], Yuan]],
        shown: Callable[[_Item], bool],
        money: str,
    ) -> CodedFigures:
        if any(shown(item) for item in self.items.values()):
            return CodedFigures(**self._coded(columns, shown))
        return CodedFigures(
            total={} if self._chance(0.5) else self._printed(dict.fromkeys(columns, 0)),
            empty_statement=self._nothing(f"{money}财政拨款收支"),
        )

    # ------------------------------------------------------------------------ narrative

    def _prior(self, amount: Yuan, low: float = 0.6, high: float = 1.5) -> Yuan:
        return amount if self._chance(0.1) else self._part(amount, low, high)

    def _moved(self, now: Yuan, before: Yuan) -> Stated:
        words = _vocabulary()
        up = wan_value(now) > wan_value(before)
        reason = self.random.choice(words["reasons_up" if up else "reasons_down"])
        same = wan(now) == wan(before)
        return Stated(prior=wan(before), reason=None if same else reason)

    def _against(self, actual: Yuan, budget: Yuan) -> Stated:
        words = _vocabulary()
        up = wan_value(actual) > wan_value(budget)
        reason = self.random.choice(words["reasons_up" if up else "reasons_down"])
        same = wan(actual) == wan(budget)
        return Stated(budget=wan(budget), budget_reason=None if same else reason)

    def _narrative(self, performance: Performance) -> Narrative:
        spent = self._sum(lambda item: item.general)
        # Last year's closing balance is this year's opening one; last year opened with nothing.
        prior_spent = {
            "general": self._prior(spent),
            "fund": self._prior(self._sum(lambda item: item.fund)),
            "capital": self._prior(self._sum(lambda item: item.capital)),
            "other": self._prior(
                self._sum(lambda item: item.other_basic + item.other_project + item.operating)
            ),
        }
        appropriated = prior_spent["general"] + prior_spent["fund"] + prior_spent["capital"]
        own_opening = self._sum(lambda item: item.general_opening + item.fund_opening)
        prior_appropriation = appropriated + own_opening
        prior_grand = prior_appropriation + prior_spent["other"] + self.other_opening
        grand = self._sum(lambda item: item.income) + self.npb_used + self._opening()
        grand_04 = self._sum(lambda item: item.appropriation) + own_opening
        budgets = {
            code: 0 if self._chance(0.05) else self._prior(item.general, 0.7, 1.3)
            for code, item in sorted(self.items.items())
            if item.general
        }
        public_cost = sum(v for code, v in self.economic.items() if code[:3] not in ("301", "303"))
        stated: dict[str, dict[str, Stated]] = {
            "totals": {"grand_total": self._moved(grand, prior_grand)},
            "appropriation": {"grand_total": self._moved(grand_04, prior_appropriation)},
            "general_budget": {"expense_total": self._moved(spent, prior_spent["general"])},
            "items": {
                "expense_total": self._against(spent, sum(budgets.values())),
                **{c: self._against(self.items[c].general, b) for c, b in budgets.items()},
            },
            "three_public_detail": self._visits(),
            "operating_cost": {
                "operating_cost": Stated(amount="0.00", reason="属于事业单位，没有机关运行经费")
                if self.institution
                else self._moved(public_cost, self._prior(public_cost, 0.8, 1.2))
            },
            "procurement": self._procurement(),
            "assets": self._vehicles(),
        }
        if performance.reviews:
            budget = sum(Decimal(review.budget or "0") for review in performance.reviews)
            stated["performance"] = {
                "projects": Stated(count=str(len(performance.reviews)), amount=f"{budget:.2f}")
            }
        return Narrative(
            overview=Overview(
                duties=("贯彻执行国家有关法律、法规和政策。", "承办上级交办的其他事项。"),
                organisation=(f"{self.agency}内设{self.random.randint(2, 12)}个科室。",),
            ),
            stated=stated,
        )

    def _visits(self) -> dict[str, Stated]:
        actual = self.public["actual"]
        batches = self.random.randint(1, 60) if actual["hospitality"] else 0
        kept = self.random.randint(1, 9) if actual["vehicle_operation"] else 0
        bought = 1 if actual["vehicle_purchase"] else 0
        counts = {
            "vehicles_bought": bought,
            "vehicles_kept": max(kept, bought),
            "domestic_batches": batches,
            "domestic_people": batches * self.random.randint(2, 12),
        }
        return {key: Stated(count=str(count)) for key, count in counts.items()}

    def _procurement(self) -> dict[str, Stated]:
        project = self._sum(lambda item: item.project)
        parts = {"goods": 0, "works": 0, "services": 0}
        for part in parts:
            # Nobody procures for a few 元, which would be printed as a sum of zeros.
            if project >= _PROCURED_FROM and self._chance(0.5):
                parts[part] = self._part(project, 0.01, 0.2)
        total = sum(parts.values())
        sme = self._part(total, 0.3, 1.0) if self._chance(0.8) else total
        micro = self._part(sme, 0.0, 1.0)
        amounts = {"total": total, **parts, "sme": sme, "micro": micro}
        return {key: Stated(amount=wan(amount)) for key, amount in amounts.items()}

    def _vehicles(self) -> dict[str, Stated]:
        kinds = ("principal", "confidential", "emergency", "enforcement", "special", "other")
        counts = {kind: self.random.randint(0, 3) if self._chance(0.3) else 0 for kind in kinds}
        counts |= {"vehicles": sum(counts.values()), "equipment": int(self._chance(0.1))}
        return {key: Stated(count=str(count)) for key, count in counts.items()}

    # ---------------------------------------------------------------------- performance

    def _performance(self) -> Performance:
        """Self-evaluations of a few projects, together within the project expenditure."""
        project = self._sum(lambda item: item.general_project)
        number = self.random.randint(0, 4) if project > 400_000 else 0
        words = _vocabulary()
        names = self.random.sample(words["projects"], number)
        # Their weights add up to 90; the rate of execution carries the other ten points.
        indicators = tuple(Indicator.model_validate(entry) for entry in words["indicators"])
        evaluations = []
        reviews = []
        for name in names:
            executed = Decimal(wan(self._part(project // max(1, number), 0.1, 1.0)))
            factor = Decimal(self.random.choice(("1", "1", "1.05", "1.25", "2")))
            full = (executed * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)
            rate = (executed / full * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
            execution = (executed / full * 10).quantize(Decimal("0.01"), ROUND_HALF_UP)
            score = Decimal(90) + execution
            whole = FundRow(
                source="年度资金总额",
                initial=f"{full:.2f}",
                full=f"{full:.2f}",
                executed=f"{executed:.2f}",
                weight="10",
                rate=f"{rate}%",
                score=str(execution),
            )
            own = whole.model_copy(
                update={"source": "其中：当年财政拨款", "weight": "", "rate": "", "score": ""}
            )
            carried = FundRow(source="上年结转资金", initial="0.00", full="0.00", executed="0.00")
            others = carried.model_copy(update={"source": "其他资金"})
            evaluations.append(
                SelfEvaluation(
                    project=name,
                    department=self.agency,
                    implementer=self.agency,
                    funds=(whole, own, carried, others),
                    expected=f"完成{name}年度任务。",
                    achieved=f"已完成{name}年度任务。",
                    indicators=indicators,
                    total_weight="100",
                    total_score=str(score),
                )
            )
            reviews.append(
                ProjectReview(
                    project=name,
                    score=str(score),
                    budget=f"{full:.2f}",
                    executed=f"{executed:.2f}",
                    achieved="年度绩效目标已经完成",
                )
            )
        return Performance(reviews=tuple(reviews), evaluations=tuple(evaluations))


def wan_value(amount: Yuan) -> Decimal:
    """元 as 万元, rounded to two decimals as forms print them."""
    return (Decimal(amount) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP)


def wan(amount: Yuan) -> str:
    return f"{wan_value(amount):.2f}"


def _with_totals(parts: Mapping[str, Yuan]) -> dict[str, Yuan]:
    vehicles = parts["vehicle_purchase"] + parts["vehicle_operation"]
    return {
        "total": parts["overseas"] + vehicles + parts["hospitality"],
        "overseas": parts["overseas"],
        "vehicles": vehicles,
        "vehicle_purchase": parts["vehicle_purchase"],
        "vehicle_operation": parts["vehicle_operation"],
        "hospitality": parts["hospitality"],
    }
