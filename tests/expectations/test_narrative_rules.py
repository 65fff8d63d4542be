"""Every rule of the narrative: once met, once violated, once silent; and the real disclosures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from synthetic_accounts import facts_of, reading, sound_cells

from disclosures.amounts import from_ticks
from disclosures.model import Reading, Statement
from disclosures.reading import read_document
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, Rule, load_catalogue
from expectations.judge import judge_batch
from warehouse.addresses import Address
from warehouse.batches import Batch
from warehouse.checks import Span, percentage, product
from warehouse.marts import Builder
from warehouse.narrative_shapes import (
    Bases,
    Direction,
    Growth,
    Named,
    NotBudget,
    Pick,
    Prior,
    Ratio,
    Repeat,
    Sum,
    Tie,
    Weighted,
    Worded,
)

SUITE = next(s for s in load_catalogue().suites if s.name == "narrative")
CATALOGUE = Catalogue((SUITE,))
RULES = SUITE.rules
SOUND = facts_of(sound_cells())
SHARED = Path(__file__).resolve().parents[2].parent / "shared"

Said = tuple[str, str, str, str]
"""Subject, measure, value, direction."""


@dataclass(frozen=True)
class Case:
    met: list[Said]
    violated: list[Said]
    section: str = ""
    versus: str = ""
    prefix: str = ""


def example(pattern: str) -> str:
    """A subject that fits a rule's pattern."""
    known = {
        ".*": "本年支出合计",
        ".*（类）": "一般公共服务支出（类）",
        "[款项]:.*": "项:科目2010301",
        "项:.*": "项:科目2010301",
    }
    plain = pattern.removeprefix("(?!(?:收入支出总体|财政拨款收入支出总体)$)")
    return known.get(plain, plain.split("|")[0])


def section_of(pick: Pick) -> str:
    return (
        f"第三部分/五、{pick.section.split('|')[0]}情况说明"
        if pick.section
        else "第三部分/五、说明"
    )


@cache
def builder() -> Builder:
    return Builder(Batch.from_readings({"sound": [reading(facts=SOUND)]}))


def printed(term: str) -> Decimal:
    """What the sound forms print for a term."""
    kind, _, rest = term.partition(":")
    if kind == "item":
        own = (f for f in SOUND if f.form == "05" and f.row == "2010301")
        return next(f.amount_wan or Decimal(0) for f in own)
    return from_ticks(int(builder().value(Address.parse(rest)).ticks[0]))


def case_of(rule: Rule) -> Case:
    check = rule.check
    if isinstance(check, Tie):
        subject, measure = example(check.pick.subject), check.pick.measure[0]
        value = printed(check.equals[0])
        if subject.endswith("（类）"):
            value = next(
                f.amount_wan or Decimal(0) for f in SOUND if f.form == "05" and f.row == "201"
            )
        return Case(
            [(subject, measure, f"{value:.2f}", "")],
            [(subject, measure, f"{value + Decimal('7.77'):.2f}", "")],
            section_of(check.pick),
        )
    if isinstance(check, Ratio):
        return ratio_case(check)
    if isinstance(check, Growth):
        subject = example(check.pick.subject)
        other = "收入总计" if "said:amount:收入总计" in check.current else subject
        common = [(other, "amount", "110.00", ""), (subject, "change_amount", "10.00", "增加")]
        return Case(
            [*common, (subject, "change_pct", "10.00", "增长")],
            [*common, (subject, "change_pct", "11.00", "增长")],
            section_of(check.pick),
        )
    if isinstance(check, Direction):
        common = [
            ("基本支出", "amount", "110.00", ""),
            ("基本支出", "change_amount", "10.00", "增加"),
        ]
        return Case(
            [*common, ("基本支出", "change_pct", "10.00", "增长")],
            [*common, ("基本支出", "change_pct", "10.00", "下降")],
        )
    if isinstance(check, Sum):
        return sum_case(check)
    if isinstance(check, Weighted):
        (goods, share), *others = check.kinds
        common = [("授予中小企业合同金额", "amount", "50.00", ""), (goods, "amount", "100.00", "")]
        common += [(name, "amount", "0.00", "") for name, _ in others]
        return Case(
            [*common, (share, "share", "50.00", "")], [*common, (share, "share", "60.00", "")]
        )
    if isinstance(check, Prior):
        return prior_case(check)
    if isinstance(check, NotBudget):
        common = [
            ("一般公共预算财政拨款支出", "budget_initial", "100.00", ""),
            ("收支总计", "amount", "110.00", ""),
        ]
        return Case(
            [*common, ("收支总计", "change_amount", "15.00", "增加")],
            [*common, ("收支总计", "change_amount", "10.00", "增加")],
            prefix="与上年相比，",
        )
    if isinstance(check, Repeat):
        subject = example(check.pick.subject)
        one = (subject, "amount", "5.00", "")
        return Case([one, one], [one, (subject, "amount", "6.00", "")], section_of(check.pick))
    if isinstance(check, Worded):
        return worded_case(check)
    if isinstance(check, Bases):
        common = [
            ("整体支出自评", "budget_full", "110.00", ""),
            ("整体支出自评", "amount", "99.00", ""),
            ("整体支出自评", "completion", "99.00", ""),
        ]
        return Case(
            [*common, ("整体支出自评", "adjustment_rate", "10.00", "")],
            [*common, ("整体支出自评", "adjustment_rate", "16.84", "")],
            section_of(check.pick),
        )
    assert isinstance(check, Named)
    return named_case(check)


def worded_case(check: Worded) -> Case:
    if check.pick.versus == "上年":
        change = ("培训费", "change_amount", "{}", "增加")
        said = ("培训费", "compare", "", "持平")
        met, violated = ([(*change[:2], v, "增加"), said] for v in ("0.00", "1.20"))
        return Case(met, violated, versus="上年决算", prefix="与上年相比，")
    common = [("培训费", "amount", "8.00", ""), ("培训费", "budget_initial", "9.00", "")]
    return Case(
        [*common, ("培训费", "compare", "", "小于")],
        [*common, ("培训费", "compare", "", "大于")],
        versus="年初预算",
    )


def ratio_case(check: Ratio) -> Case:
    subject, measure = example(check.pick.subject), check.pick.measure[0]
    _, _, rest = check.of[0][1].partition(":")
    name, _, whole_subject = rest.partition(":")
    whole_subject = whole_subject or subject
    part, whole = ("0.00", "0.00") if check.of_nothing else ("25.00", "100.00")
    right = {True: "0.00", False: "-75.00" if check.less_one else "25.00"}[check.of_nothing]
    wrong = {True: "100.00", False: "26.00"}[check.of_nothing]
    common = [
        (whole_subject, "budget_full" if name == "budget" else name, whole, ""),
        (subject, "amount", part, ""),
    ]
    versus = check.pick.versus.removeprefix("^$|").split("|")[0]
    return Case(
        [*common, (subject, measure, right, "")],
        [*common, (subject, measure, wrong, "")],
        section_of(check.pick),
        versus,
    )


def sum_case(check: Sum) -> Case:
    subject, measure = example(check.total.subject), check.total.measure[0]
    each = {".*（类）": "甲乙丙丁（类）", ".*用车": "甲乙丙丁用车", "项:.*": "项:甲乙丙丁"}
    if check.each:
        letters = "甲乙丙丁"
        names = [each[check.each].replace(letters, letters[n] * 2) for n in range(4)]
    else:
        # One part alone is no list of parts.
        names = [*check.parts[0], *(check.optional[:1] if len(check.parts[0]) == 1 else ())]
    parts = [(name, measure, "10.00" if measure != "count" else "10", "") for name in names]
    total = 10 * len(parts)
    wrong = total - 1 if check.relation == "at_most" else total + 1
    return Case(
        [(subject, measure, f"{total}.00" if measure != "count" else str(total), ""), *parts],
        [(subject, measure, f"{wrong}.00" if measure != "count" else str(wrong), ""), *parts],
        section_of(check.total),
    )


def prior_case(check: Prior) -> Case:
    whole = example(check.whole)
    group = check.parts[0]
    parts: list[Said] = []
    for name in group:
        parts += [(name, "amount", "30.00", ""), (name, "change_amount", "10.00", "增加")]
    before = 20 * len(group)
    met = [(whole, "amount", f"{before + 5}.00", ""), (whole, "change_amount", "5.00", "增加")]
    violated = [(whole, "amount", f"{before + 5}.00", ""), (whole, "change_amount", "9.00", "增加")]
    return Case(
        [*met, *parts], [*violated, *parts], prefix="与上年相比，", section="第三部分/九、三公"
    )


def named_case(check: Named) -> Case:
    names = [
        f.name
        for f in SOUND
        if f.form == "06"
        and len(f.row) == 5
        and f.row.isdigit()
        and (f.row[:2] == "30" and f.row[2] in "13") == ("30[13]" in check.classes)
    ]
    subject = check.pick.subject
    full, short = "、".join(names), "、".join(names[:-1])
    said = (subject, "amount", "107.79", "")
    return Case(
        [(*said[:3], f"包括：{full}")], [(*said[:3], f"包括：{short}")], section_of(check.pick)
    )


def statements(case: Case, said: list[Said]) -> tuple[Statement, ...]:
    """The statements of one sentence that says them all."""
    units = {"count": "辆"}
    pieces = []
    for subject, measure, value, word in said:
        unit = units.get(measure, "万元")
        if measure in ("share", "completion", "change_pct", "variance_pct", "adjustment_rate"):
            unit = "%"
        if measure == "compare":
            unit = ""
        lists = word if word.startswith("包括") else ""
        shown = subject
        if subject.startswith("项:"):
            shown = f"甲（类）乙（款）{subject[2:]}（项）"
        pieces.append(
            (subject, measure, value, unit, "" if lists else word, f"{shown}{value}{unit}{lists}")
        )
    quote = case.prefix + "；".join(piece[-1] for piece in pieces) + "。"
    return tuple(
        Statement(
            section=case.section or "第三部分/五、说明",
            subject=subject,
            measure=measure,
            value=Decimal(value) if value else None,
            unit=unit,
            quote=quote,
            page=3,
            direction=word or None,
            versus=("上年决算" if word and measure != "compare" else case.versus) or None,
        )
        for subject, measure, value, unit, word, _ in pieces
    )


def with_statements(said: tuple[Statement, ...], *, forms: bool = True) -> Reading:
    sound = reading(facts=SOUND if forms else ())
    return Reading(
        sha256="0" * 64,
        media_type=sound.media_type,
        kind=sound.kind,
        agency=sound.agency,
        year=sound.year,
        forms=sound.forms,
        facts=sound.facts,
        statements=said,
    )


IRRELEVANT = Statement("第一部分", "内设机构", "count", Decimal(3), "个", "内设机构3个。")


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    readings: dict[str, list[Reading]] = {}
    for rule in RULES:
        case = case_of(rule)
        # A part of zero may also be a share of zero of what a form prints.
        forms = not (isinstance(rule.check, Ratio) and rule.check.of_nothing)
        met, violated = statements(case, case.met), statements(case, case.violated)
        readings[f"met {rule.id}"] = [with_statements(met, forms=forms)]
        readings[f"violated {rule.id}"] = [with_statements(violated, forms=forms)]
        recognised = tuple(replace(one, agreed=False) for one in violated)
        readings[f"recognised {rule.id}"] = [with_statements(recognised, forms=forms)]
    readings["irrelevant"] = [with_statements((IRRELEVANT,))]
    readings["untold"] = [with_statements(())]
    readings["without forms"] = [
        with_statements(
            (
                Statement(
                    "五、收入", "本年收入合计", "amount", Decimal(5), "万元", "本年收入合计5万元。"
                ),
            ),
            forms=False,
        )
    ]
    batch = judge_batch(Batch.from_readings(readings), CATALOGUE)
    assert [r for v in batch.validations for r in v.results if r["exception"]] == []
    return {one.disclosure_id: one for one in batch.judgements}


def of_rule(judgement: Judgement, rule: str) -> Iterator[Finding]:
    return (f for f in judgement.findings if f.rule == rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
class TestRule:
    def test_met(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        assert list(of_rule(judged[f"met {rule.id}"], rule.id)) == []

    def test_violated(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        found = list(of_rule(judged[f"violated {rule.id}"], rule.id))
        assert found
        for finding in found:
            assert finding.state is State.FAIL
            assert finding.severity is rule.severity
            assert finding.quote
            assert finding.page == 3
            assert finding.operands[0].role == "stated"
            assert "$" not in finding.message
            assert finding.innocent == rule.innocent

    def test_recognised_words_are_no_errors(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        """What recognition of a picture alone saw may be misread."""
        found = list(of_rule(judged[f"recognised {rule.id}"], rule.id))
        assert found
        assert {f.state for f in found} == {State.EXTRACTION_SUSPECT}
        assert {f.severity for f in found} == {Severity.INFO}

    def test_does_not_apply(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        states = {f.state for f in of_rule(judged["irrelevant"], rule.id)}
        assert states == {State.NOT_APPLICABLE}
        untold = {f.state for f in of_rule(judged["untold"], rule.id)}
        assert untold <= {State.NOT_APPLICABLE, State.NOT_EVALUABLE}
        assert untold


def test_a_missing_form_is_named(judged: dict[str, Judgement]) -> None:
    found = list(of_rule(judged["without forms"], "narrative.tie.income-total"))
    assert [f.state for f in found] == [State.NOT_EVALUABLE]
    assert "收入支出决算总表" in found[0].message


def judge_said(*said: Statement) -> list[Finding]:
    batch = Batch.from_readings({"x": [with_statements(said)]})
    findings = judge_batch(batch, CATALOGUE).judgements[0].findings
    return [f for f in findings if f.state in (State.FAIL, State.EXTRACTION_SUSPECT)]


def one(subject: str, measure: str, value: str, quote: str, **other: Any) -> Statement:
    percent = ("share", "completion", "change_pct", "variance_pct", "adjustment_rate")
    unit = "%" if measure in percent else "万元"
    section = other.pop("section", None) or "第三部分/五、说明"
    return Statement(section, subject, measure, Decimal(value), unit, quote, **other)


def test_legitimate_percentages() -> None:
    """New items, falls to zero and nothing of nothing."""
    for amount, change, word, rate in [
        ("12.05", "12.05", "增加", "100.00"),
        ("0.00", "0.11", "减少", "100.00"),
        ("0.00", "0.00", "增加", "0.00"),
        ("10.03", "9.16", "增加", "1052.87"),
    ]:
        text = f"与上年相比，培训费{amount}万元，{word}{change}万元，{word}{rate}%。"
        assert (
            judge_said(
                one("培训费", "amount", amount, text),
                one("培训费", "change_amount", change, text, direction=word, versus="上年决算"),
                one("培训费", "change_pct", rate, text, direction=word, versus="上年决算"),
            )
            == []
        )


@pytest.mark.parametrize(("rate", "found"), [("60.74", False), ("60.75", False), ("60.80", True)])
def test_a_rate_may_come_from_amounts_as_the_text_prints_them(rate: str, found: bool) -> None:
    """The form prints 元 (60.7541 %), the text 31.32 of 51.56 万元 (60.7448 %)."""
    exact = {"actual.vehicles": "31.3231", "budget.vehicles": "51.5572"}
    facts = tuple(
        replace(f, amount_wan=Decimal(exact[f.column]), decimals=4, text=exact[f.column])
        if f.form == "09" and f.column in exact
        else f
        for f in SOUND
    )
    text = f"公务用车购置及运行维护费支出31.32万元，完成预算的{rate}%。"
    said = (
        one("公务用车购置及运行维护费", "amount", "31.32", text, section="第三部分/九、三公"),
        one("公务用车购置及运行维护费", "completion", rate, text, section="第三部分/九、三公"),
    )
    batch = Batch.from_readings({"x": [replace(with_statements(said), facts=facts)]})
    findings = judge_batch(batch, CATALOGUE).judgements[0].findings
    rules = {f.rule for f in findings if f.state is State.FAIL}
    assert ("narrative.completion.three-public-vehicles" in rules) is found


def compared(word: str, versus: str, text: str) -> Statement:
    return Statement(
        "第三部分/五、说明", "培训费", "compare", None, "", text, direction=word, versus=versus
    )


@pytest.mark.parametrize(
    ("amount", "budget", "word"),
    [("8.00", "8.00", "持平"), ("8.00", "8.00", "大于"), ("8.00", "9.00", "存在差异")],
)
def test_words_that_the_figures_bear_out(amount: str, budget: str, word: str) -> None:
    text = f"培训费年初预算{budget}万元，支出决算{amount}万元，决算数{word}年初预算数。"
    assert (
        judge_said(
            one("培训费", "budget_initial", budget, text),
            one("培训费", "amount", amount, text),
            compared(word, "年初预算", text),
        )
        == []
    )


def test_level_with_the_budget_is_not_level_with_last_year() -> None:
    """The comparison names a year, but a budget's."""
    text = "培训费8.00万元，比上年增加1.00万元，与2023年预算一致。"
    assert (
        judge_said(
            one("培训费", "amount", "8.00", text),
            one("培训费", "change_amount", "1.00", text, direction="增加", versus="上年决算"),
            compared("持平", "上年决算", text),
        )
        == []
    )


def test_a_rate_of_the_stated_budget_implies_no_other() -> None:
    text = "整体支出自评全年预算110.00万元，执行99.00万元，完成90.00%，预算调整率16.84%。"
    section = "第三部分/六、绩效"
    said = [
        one("整体支出自评", measure, value, text, section=section)
        for measure, value in (
            ("budget_full", "110.00"),
            ("amount", "99.00"),
            ("completion", "90.00"),
            ("adjustment_rate", "16.84"),
        )
    ]
    assert [f.rule for f in judge_said(*said) if f.rule == "narrative.bases"] == []


def test_a_trimmed_share_is_rounding() -> None:
    shares = {"甲": ("92.60", "9.25"), "乙": ("907.40", "90.75")}
    text = "一般公共预算财政拨款支出1000.00万元。"
    said = [one("本年支出合计", "amount", "1000.00", text)]
    line = "；".join(f"{n}{a}万元，占{s}%" for n, (a, s) in shares.items())
    for name, (amount, share) in shares.items():
        kind = {"甲": "基本支出", "乙": "项目支出"}[name]
        said += [one(kind, "amount", amount, line), one(kind, "share", share, line)]
    assert [f.rule for f in judge_said(*said) if "share" in f.rule] == []


def test_another_years_amount_is_not_compared() -> None:
    text = "公务接待费比2021年的99.00万元减少。"
    said = one("公务接待费", "amount", "99.00", text, section="第三部分/七、三公经费")
    assert judge_said(said) == []


def of_sums(*said: Statement) -> list[str]:
    return [f.rule for f in judge_said(*said) if f.rule.startswith("narrative.sum")]


def test_parts_that_a_text_leaves_out_are_in_the_forms() -> None:
    """ "其中" may name the main parts only; what is stated still has to fit."""
    total, general = (
        printed(f"cell:01.income.{line}.amount") for line in ("income_total", "general_budget")
    )
    assert total != general
    section = "第三部分/二、收入决算情况说明"
    for amount, found in ((general, []), (general + 5, ["narrative.sum.income"])):
        text = (
            f"本年收入合计{total}万元，其中：一般公共预算财政拨款收入{amount}万元，其他收入0万元。"
        )
        said = [
            one("本年收入合计", "amount", f"{total}", text, section=section),
            one("一般公共预算财政拨款收入", "amount", f"{amount}", text, section=section),
            one("其他收入", "amount", "0", text, section=section),
        ]
        assert of_sums(*said) == found
    # One part alone makes no list.
    assert of_sums(said[0], said[1]) == []


def test_funds_are_parts_of_the_appropriation() -> None:
    total = printed("cell:01.income.income_total.amount")
    fund = printed("cell:01.income.government_fund.amount")
    assert fund
    section = "第三部分/二、收入决算情况说明"
    text = f"本年收入合计{total}万元。财政拨款收入{total}万元，其中政府性基金{fund}万元。"
    text += "其他收入0万元。"
    said = [
        one("本年收入合计", "amount", f"{total}", text, section=section),
        one("财政拨款收入", "amount", f"{total}", text, section=section),
        one("政府性基金预算财政拨款收入", "amount", f"{fund}", text, section=section),
        one("其他收入", "amount", "0", text, section=section),
    ]
    assert of_sums(*said) == []


def test_a_figure_with_a_doubtful_name_is_no_error() -> None:
    """The number of the budget was left out, and the next one fell to the section's subject."""
    text = "因公出国（境）费预算为万元，支出决算为0.01万元。"
    said = one("三公经费", "amount", "0.01", text, section="第三部分/七、三公经费")
    assert {f.state for f in judge_said(said)} == {State.EXTRACTION_SUSPECT}


def test_intervals_are_exact() -> None:
    wan = 10**8
    third = percentage(Span(1 * wan), Span(3 * wan))
    assert third is not None
    assert third.low * 3 <= 100 * wan <= third.high * 3
    assert percentage(Span(wan), Span(0, 5)) is None
    assert product(Span(2 * wan), Span(wan // 2)).meets(Span(wan))


# ------------------------------------------------------------------------------ real disclosures

shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the real disclosures are not here")


@cache
def real(name: str) -> Judgement:
    path = SHARED / "seeds" / f"{name}.txt"
    batch = Batch.from_readings({name: [read_document(path)]})
    return judge_batch(batch, load_catalogue()).judgements[0]


def failures(name: str, severity: Severity) -> set[tuple[str, str]]:
    return {
        (f.rule, f.subject)
        for f in real(name).findings
        if f.state is State.FAIL and f.severity is severity
    }


@pytest.mark.shared
@shared
def test_acheng() -> None:
    assert failures("acheng-2023", Severity.ERROR) == {
        ("narrative.completion.evaluation", "整体支出自评／完成率")
    }
    assert ("narrative.tie.unit-evaluation", "整体支出自评／金额") in failures(
        "acheng-2023", Severity.WARN
    )


@pytest.mark.shared
@shared
def test_wuerhe() -> None:
    assert failures("wuerhe-2023", Severity.ERROR) == set()
    warned = {rule for rule, _ in failures("wuerhe-2023", Severity.WARN)}
    assert warned == {"performance.cost", "performance.missed-full", "performance.none-bought"}


@pytest.mark.shared
@shared
def test_sanmenxia() -> None:
    assert {rule for rule, _ in failures("sanmenxia-2023", Severity.ERROR)} == {
        "performance.weights",
        "performance.scores",
    }
    assert {rule for rule, _ in failures("sanmenxia-2023", Severity.WARN)} == {
        "narrative.sum.budget-items",
        "performance.accounts-initial",
        "performance.accounts-executed",
        "performance.accounts-other-funds",
    }


@pytest.mark.shared
@shared
def test_beiguan() -> None:
    rules = {rule for rule, _ in failures("beiguan-2023", Severity.ERROR)}
    assert {
        "narrative.tie.general-basic",
        "narrative.tie.item",
        "narrative.tie.three-public-total",
        "narrative.completion.three-public-total-of-zero",
        "narrative.share.small-firms-of-zero",
        "performance.within-weight",
        "performance.scores",
    } <= rules


@pytest.mark.shared
@shared
def test_lixia() -> None:
    assert {rule for rule, _ in failures("lixia-2023", Severity.ERROR)} == {
        "narrative.prior.appropriation",
        "narrative.sum.budget-items-exceed",
        "performance.again-score",
    }


def test_a_scan_is_silent_because_it_was_not_read() -> None:
    """Of a scan the forms are read and no sentence, so that nothing can be said of them."""
    scanned = replace(reading(facts=SOUND), readers={"ocr": "1"})
    printed = reading(facts=SOUND)
    batch = Batch.from_readings({"scan": [scanned], "text": [printed]})
    of_scan, of_text = judge_batch(batch, load_catalogue()).judgements
    own = {rule.id: rule for rule in load_catalogue().rules}
    grains = {"statement": "扫描件，文字说明未读取", "performance": "扫描件，绩效自评表未读取"}
    unread = {rule for rule, what in own.items() if what.grain in grains}
    assert len(unread) > 50
    findings = {f.rule: f for f in of_scan.findings}
    assert {findings[rule].state for rule in unread} == {State.NOT_EVALUABLE}
    for rule in unread:
        assert grains[own[rule].grain] in findings[rule].message
    assert State.NOT_APPLICABLE in {f.state for f in of_text.findings if f.rule in unread}
    assert of_scan.coverage < of_text.coverage
