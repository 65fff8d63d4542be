"""The narrative: sentences of a wording, filled from what is stated and from the forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

import jinja2

from disclosures.amounts import parse_amount
from disclosures.forms import forms
from disclosures.model import Side
from disclosures.rendering.figures import (
    SECTIONS,
    CodedFigures,
    Figures,
    FiguresError,
    ProjectReview,
    Stated,
)
from disclosures.rendering.layout import Layout
from disclosures.rendering.numbers import chinese, converted, restyle


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; ``level`` 0 is text, 1 and more are headings."""

    text: str
    level: int = 0


#: Measures of a ``Stated`` that are figures.
MEASURES = (
    "amount",
    "share",
    "change",
    "change_pct",
    "budget",
    "completion",
    "variance_pct",
    "versus_budget",
    "versus_budget_pct",
    "count",
)


def narrate(figures: Figures, layout: Layout) -> tuple[Paragraph, ...]:
    """The narrative part as paragraphs.

    Raises:
        FiguresError: the wording is unknown.
    """
    return _Narrator(figures, layout).paragraphs()


def unprinted(figures: Figures, layout: Layout) -> tuple[str, ...]:
    """Stated figures (``section.subject.measure``) that the layout's wording does not print.

    What a disclosure states but its wording has no sentence for would be lost silently; whoever
    writes figures checks that nothing is.
    """
    narrator = _Narrator(figures, layout)
    narrator.paragraphs()
    given = {
        f"{section}.{subject}.{measure}"
        for section, subjects in figures.narrative.stated.items()
        for subject, stated in subjects.items()
        for measure in MEASURES
        if getattr(stated, measure) is not None
    }
    return tuple(sorted(given - narrator.printed))


class Said:
    """What can be said of one subject; every attribute is text, ``""`` when unknown."""

    def __init__(self, narrator: _Narrator, section: str, subject: str) -> None:
        self._narrator, self.section, self.subject = narrator, section, subject
        self.stated = narrator.stated(section, subject)

    def _print(self, measure: str, derived: Callable[[], str | Decimal | None]) -> str:
        given: str | None = getattr(self.stated, measure)
        if given is not None:
            self._narrator.printed.add(f"{self.section}.{self.subject}.{measure}")
            return self._narrator.style(given)
        value = derived()
        if value is None:
            return ""
        return self._narrator.style(value if isinstance(value, str) else f"{value:.2f}")

    def _value(self, measure: str) -> Decimal | None:
        given: str | None = getattr(self.stated, measure)
        return None if given is None else parse_amount(given).value

    def _number(self) -> Decimal | None:
        """The amount that derived figures start from: stated, else the forms'."""
        if self.stated.amount is not None:
            return self._value("amount")
        return parse_amount(self._narrator.cell(self.section, self.subject) or "").value

    @property
    def amount(self) -> str:
        def derived() -> str:
            cell = self._narrator.cell(self.section, self.subject)
            return cell if cell and parse_amount(cell).value is not None else "0.00"

        return self._print("amount", derived)

    @property
    def known(self) -> bool:
        """Something is stated, or the forms have an amount other than zero."""
        return self.stated != Stated() or bool(self._number())

    @property
    def given(self) -> bool:
        """Something is stated."""
        return self.stated != Stated()

    @property
    def nonzero(self) -> bool:
        return bool(self._number())

    @property
    def share(self) -> str:
        return self._print("share", self._share)

    def _share(self) -> str | None:
        base = self._narrator.share_base(self.section, self.subject)
        return self._narrator.percentage(self._number(), base, if_zero="0.00")

    def _change(self) -> Decimal | None:
        if self.stated.change is not None:
            return self._value("change")
        prior, number = self._value("prior"), self._number()
        return None if prior is None else (number or Decimal(0)) - prior

    @property
    def compares(self) -> bool:
        """Something is known against the prior year."""
        stated = self.stated
        return self._change() is not None or any((stated.direction, stated.change_pct))

    @property
    def change(self) -> str:
        """Size of the change, without its sign."""
        return self._print("change", self._change).lstrip("-")

    @property
    def change_pct(self) -> str:
        return self._print("change_pct", self._change_pct).lstrip("-")

    def _change_pct(self) -> str | None:
        change = self._change()
        if change is None:
            return None
        number = self._number() or Decimal(0)
        return self._narrator.percentage(abs(change), number - change, if_zero=None)

    def _sign(self) -> int:
        change = self._change() or Decimal(0)
        return (change > 0) - (change < 0)

    @property
    def flat(self) -> bool:
        """Neither up nor down, and nothing stated says it in figures: printed as 持平."""
        stated = self.stated
        flat = self._sign() == 0 and not stated.direction and stated.change_pct is None
        if flat and stated.change is not None:
            self._narrator.printed.add(f"{self.section}.{self.subject}.change")
        return flat

    @property
    def direction(self) -> str:
        return self.stated.direction or ("减少" if self._sign() < 0 else "增加")

    @property
    def pct_direction(self) -> str:
        if self.stated.pct_direction:
            return self.stated.pct_direction
        down = self._sign() < 0 or self.stated.direction == "减少"
        return "下降" if down else "增长"

    @property
    def budget(self) -> str:
        return self._print("budget", lambda: self._narrator.budget_cell(self.section, self.subject))

    def _budget(self) -> Decimal | None:
        if self.stated.budget is not None:
            return self._value("budget")
        return parse_amount(self._narrator.budget_cell(self.section, self.subject) or "").value

    @property
    def completion(self) -> str:
        def derived() -> str | None:
            budget = self._budget()
            zero = "0.00" if not self._number() else None
            return self._narrator.percentage(self._number(), budget, if_zero=zero)

        return self._print("completion", derived)

    @property
    def variance_pct(self) -> str:
        """预决算差异率, signed."""

        def derived() -> str | None:
            budget, number = self._budget(), self._number() or Decimal(0)
            if budget is None:
                return None
            zero = "0.00" if number == 0 else None
            return self._narrator.percentage(number - budget, budget, if_zero=zero)

        return self._print("variance_pct", derived)

    def _versus(self) -> Decimal | None:
        if self.stated.versus_budget is not None:
            return self._value("versus_budget")
        budget = self._budget()
        return None if budget is None else (self._number() or Decimal(0)) - budget

    @property
    def versus_budget(self) -> str:
        return self._print("versus_budget", self._versus).lstrip("-")

    @property
    def versus_budget_pct(self) -> str:
        def derived() -> str | None:
            versus = self._versus()
            base = self._budget()
            if base is None and versus is not None:
                base = (self._number() or Decimal(0)) - versus
            return (
                None
                if versus is None
                else self._narrator.percentage(abs(versus), base, if_zero=None)
            )

        return self._print("versus_budget_pct", derived).lstrip("-")

    @property
    def versus_word(self) -> str:
        """增加, 减少 or 持平 against the budget."""
        versus = self._versus() or Decimal(0)
        return "增加" if versus > 0 else "减少" if versus < 0 else "持平"

    @property
    def relation(self) -> str:
        """大于, 小于 or 持平 (actual against budget)."""
        if self.stated.relation:
            return self.stated.relation
        return {"增加": "大于", "减少": "小于"}.get(self.versus_word, "持平")

    @property
    def count(self) -> str:
        return self._print("count", lambda: "0")

    @property
    def counted(self) -> bool:
        return self.stated.count is not None

    @property
    def name(self) -> str:
        return self.stated.name or self._narrator.name(self.subject)

    @property
    def items(self) -> str:
        given = self.stated.items
        return "、".join(self._narrator.economic(self.subject) if given is None else given)

    @property
    def reason(self) -> str:
        return self.stated.reason or ""

    @property
    def budget_reason(self) -> str:
        return self.stated.budget_reason or ""

    @property
    def text(self) -> str:
        return self.stated.text or ""


class _Narrator:
    def __init__(self, figures: Figures, layout: Layout) -> None:
        self.figures, self.layout = figures, layout
        self.printed: set[str] = set()
        self._chapters = 0

    # ------------------------------------------------------------------------- templates

    def paragraphs(self) -> tuple[Paragraph, ...]:
        wording = self.figures.narrative.wording or self.layout.text.wording
        self._chapters = 0
        try:
            template = _environment().get_template(f"{wording}.j2")
        except jinja2.TemplateNotFound as error:
            raise FiguresError(f"no wording is called {wording!r}") from error
        text = template.render(
            f=self.figures,
            year=self.figures.year,
            last=self.figures.year - 1,
            agency=self.figures.agency,
            scope=self.figures.scope,
            unit=self.figures.unit.value,
            we=self.layout.text.self_name,
            micro_of_sme=self.layout.text.micro_share_of_sme,
            say=self.say,
            chapter=self.chapter,
            section=self.section,
            classes=self.codes(3, "structure"),
            items=self.codes(7, "items"),
            fund_items=self.codes(7, "government_fund"),
            has_fund=self.has("07"),
            has_capital=self.has("08"),
            full_name=self.full_name,
            review=self.review,
        )
        return tuple(self._paragraph(block) for block in _blocks(text))

    def _paragraph(self, block: str) -> Paragraph:
        level = len(block) - len(block.lstrip("#"))
        text = block.lstrip("#").strip()
        if self.layout.text.brackets == "half":
            text = text.replace("（", "(").replace("）", ")")
        if self.layout.text.spaced:
            text = re.sub(r"(?<=[一-鿿])(?=-?\d)|(?<=[\d%])(?=[一-鿿])", " ", text)
        return Paragraph(text, level)

    def chapter(self, title: str, *keys: str, caller: Callable[[], str]) -> str:
        """A numbered chapter; it goes when all of its sections are left out."""
        omitted = self.figures.narrative.omitted
        if keys and all(key in omitted for key in keys):
            return ""
        self._chapters += 1
        heading = f"\n\n# {chinese(self._chapters)}、{title}\n\n"
        if len(keys) == 1:
            return heading + self.section(keys[0], caller=caller)
        return heading + caller()

    def section(self, key: str, caller: Callable[[], str]) -> str:
        """The sentences of one section, unless the figures replace or omit them."""
        narrative = self.figures.narrative
        if key in narrative.omitted:
            return ""
        replaced = narrative.replaced.get(key)
        paragraphs = [caller()] if replaced is None else list(replaced)
        return "\n\n" + "\n\n".join([*paragraphs, *narrative.extra.get(key, ())]) + "\n\n"

    # --------------------------------------------------------------------------- figures

    def say(self, section: str, subject: str) -> Said:
        assert section in SECTIONS, section
        return Said(self, section, subject)

    def stated(self, section: str, subject: str) -> Stated:
        return self.figures.narrative.stated.get(section, {}).get(subject, Stated())

    def style(self, text: str) -> str:
        return restyle(text, self.layout.text.numbers)

    def percentage(
        self, part: Decimal | None, whole: Decimal | None, *, if_zero: str | None
    ) -> str | None:
        """``part`` as a percentage of ``whole``; ``if_zero`` stands for any share of nothing."""
        if part is None or whole is None:
            return if_zero if part is None and whole is not None else None
        if whole == 0:
            return if_zero
        step = Decimal(1).scaleb(-self.layout.text.share_decimals)
        return str((part / whole * 100).quantize(step, ROUND_HALF_UP))

    def cell(self, section: str, subject: str) -> str | None:
        """The form's cell behind a stated amount, in the narrative's unit, or None where no
        form has it."""
        text = self._form_cell(section, subject)
        return None if text is None else self._converted(text)

    def _converted(self, text: str) -> str:
        return converted(text, self.figures.unit_of_forms, self.figures.unit)

    def _form_cell(self, section: str, subject: str) -> str | None:
        f = self.figures.forms
        if section == "totals":
            if f.f01 is None:
                return None
            row = subject.removeprefix("income_").removeprefix("expense_")
            row = row if row == "grand_total" else subject
            expense = row in ("expense_total", "balance_distribution", "closing_balance")
            if subject == "expense_grand_total" or expense:
                return f.f01.cell(Side.EXPENSE, row, "amount", True)
            return f.f01.cell(Side.INCOME, row, "amount", True)
        if section == "income":
            if subject in ("general_budget", "government_fund", "state_capital"):
                return f.f01.income.get(subject) if f.f01 else None
            if f.f02 is not None:
                return f.f02.total.get("total" if subject == "income_total" else subject)
            return f.f01.income.get(subject) if f.f01 else None
        if section == "expense":
            key = "total" if subject == "expense_total" else subject
            return f.f03.total.get(key) if f.f03 else None
        if section == "appropriation":
            return self._appropriation(subject)
        if section in ("general_budget", "structure", "items"):
            return self._coded(f.f05, subject, "total")
        if section == "basic":
            if subject == "basic_total":
                return f.f05.total.get("basic") if f.f05 else None
            if f.f06 is None:
                return None
            return f.f06.personnel_total if subject == "personnel" else f.f06.public_total
        if section in ("government_fund", "state_capital"):
            form = f.f07 if section == "government_fund" else f.f08
            if subject.isdigit() or subject == "expense_total":
                return self._coded(form, subject, "total")
            return form.total.get(subject) if form else None
        return self._other(section, subject)

    def _other(self, section: str, subject: str) -> str | None:
        f = self.figures.forms
        if section in ("three_public", "three_public_detail"):
            subject = "hospitality" if subject == "hospitality_domestic" else subject
            return f.f09.actual.get(subject) if f.f09 else None
        if section == "operating_cost":
            return f.f06.public_total if f.f06 else None
        if section == "procurement" and subject == "total":
            parts = [self.stated(section, part).amount for part in ("goods", "works", "services")]
            values = [parse_amount(part or "").value for part in parts]
            return f"{sum((v for v in values if v is not None), Decimal(0)):.2f}"
        return None

    def _appropriation(self, subject: str) -> str | None:
        form = self.figures.forms.f04
        if form is None:
            return None
        if subject in ("expense_total", "closing_balance"):
            return form.cell(Side.EXPENSE, subject, "total", True)
        if subject == "expense_grand_total":
            return form.cell(Side.EXPENSE, "grand_total", "total", True)
        return form.income.get("grand_total" if "grand_total" in subject else subject)

    def _coded(self, form: CodedFigures | None, subject: str, column: str) -> str | None:
        if form is None:
            return None
        if not subject.isdigit():
            return form.total.get(column)
        return next((r.values.get(column) for r in form.rows if r.code == subject), None)

    def budget_cell(self, section: str, subject: str) -> str | None:
        form = self.figures.forms.f09
        if section in ("three_public", "three_public_detail") and form is not None:
            text = form.budget.get(subject)
            return None if text is None else self._converted(text)
        return None

    def share_base(self, section: str, subject: str) -> Decimal | None:
        """The whole that a share is of."""
        bases = {
            "income": ("income", "income_total"),
            "expense": ("expense", "expense_total"),
            "general_budget": ("expense", "expense_total"),
            "structure": ("structure", "expense_total"),
            "items": ("items", "expense_total"),
            "three_public": ("three_public", "total"),
            "three_public_detail": ("three_public", "total"),
            "procurement": ("procurement", "total"),
        }
        owner = {
            "micro": "sme" if self.layout.text.micro_share_of_sme else "total",
            "sme_goods": "goods",
            "sme_works": "works",
            "sme_services": "services",
        }.get(subject)
        where = (section, owner) if owner else bases.get(section)
        if where is None:
            return None
        stated = self.stated(*where).amount
        return parse_amount(stated if stated is not None else self.cell(*where) or "0.00").value

    # ----------------------------------------------------------------------------- names

    def codes(self, length: int, section: str) -> list[str]:
        """Codes of that length in printed order, with those that only the narrative has."""
        f = self.figures.forms
        form = f.f07 if section == "government_fund" else f.f05
        found = [row.code for row in form.rows if len(row.code) == length] if form else []
        stated = self.figures.narrative.stated.get(section, {})
        return found + [c for c in stated if c.isdigit() and len(c) == length and c not in found]

    def _names(self) -> Iterable[tuple[str, str]]:
        f = self.figures.forms
        for form in (f.f05, f.f07, f.f08, f.f03, f.f02):
            if form is not None:
                yield from ((row.code, row.name) for row in form.rows)

    def name(self, subject: str) -> str:
        if subject.isdigit():
            return next((name for code, name in self._names() if code == subject), subject)
        return subject

    def full_name(self, code: str) -> str:
        """“一般公共服务支出（类）档案事务（款）行政运行（项）”."""
        given = self.stated("items", code).name or self.stated("government_fund", code).name
        if given:
            return given
        marks = ((3, "类"), (5, "款"), (7, "项"))
        return "".join(f"{self.name(code[:n])}（{mark}）" for n, mark in marks if len(code) >= n)

    def economic(self, subject: str) -> tuple[str, ...]:
        """Economic items of 06 with an amount, by 人员经费 and 公用经费."""
        form = self.figures.forms.f06
        if form is None:
            return ()
        personnel = forms()["06"].personnel_groups
        return tuple(
            item.name
            for item in form.items
            if len(item.code) > 3
            and (item.code[:3] in personnel) == (subject == "personnel")
            and parse_amount(item.amount).value
        )

    def has(self, key: str) -> bool:
        """The coded form carries an amount."""
        form = self.figures.forms.get(key)
        if not isinstance(form, CodedFigures):
            return False
        values = [*form.total.values(), *(v for row in form.rows for v in row.values.values())]
        return any(parse_amount(value).value for value in values)

    def review(self, one: ProjectReview) -> dict[str, str]:
        """A project's sentence: its figures as given, the rate derived where it is not."""
        budget = parse_amount(one.budget or "").value
        executed = parse_amount(one.executed or "").value
        rate = one.rate
        if rate is None:
            rate = self.percentage(executed, budget, if_zero=None)
        return {
            "project": one.project,
            "score": self.style(one.score or ""),
            "grade": one.grade,
            "budget": self.style(one.budget or ""),
            "executed": self.style(one.executed or ""),
            "rate": self.style(rate or "").removesuffix("%"),
            "achieved": one.achieved,
            "problems": one.problems,
            "measures": one.measures,
        }


def _blocks(text: str) -> Iterable[str]:
    """Paragraphs: a heading is a line of its own, text runs to the next empty line. Line
    breaks of a template are not printed."""
    block = ""
    for line in map(str.strip, text.splitlines()):
        if block and (not line or line.startswith("#")):
            yield block
            block = ""
        if line.startswith("#"):
            yield line
        else:
            block += line
    if block:
        yield block


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("disclosures.rendering", "wordings"),
        autoescape=False,  # plain text; the HTML backend escapes
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
