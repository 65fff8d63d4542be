"""Every identity of the catalogue: once met, once violated, once not to be judged.

All cases of all rules are disclosures of one batch, as a night's would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from synthetic_accounts import (
    Key,
    alter,
    blank,
    cells_before_2020,
    change,
    facts_of,
    reading,
    sound_cells,
)

from disclosures.classification import bears_name, functional_name_differs
from disclosures.model import Fact, Reading, Remark
from disclosures.reading.remarks import kinds, topic_names
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, Instance, load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from warehouse.addresses import Address
from warehouse.batches import Batch

#: The rules of the forms; those of stated figures have tests of their own.
CATALOGUE = Catalogue(tuple(s for s in load_catalogue().suites if not s.rules[0].check))
SOUND = facts_of(sound_cells())
PUBLISHED: dict[str, object] = {
    "published_on": "2024-08-30",
    "urls": ("https://www.example.gov.cn/2023.pdf",),
    "topics": topic_names(),
}
#: A code of each form that has a parent, children and an amount.
CODES: dict[str, str | dict[str, str]] = {
    "total": "total",
    "class": {"07": "212", "08": "223", "06": "302"},
    "section": {"07": "21208", "08": "22301"},
    "item": {"07": "2120801", "08": "2230105"},
}


def code_of(instance: Instance) -> str:
    form = next((f for f in instance.forms if f in ("06", "07", "08")), "")
    # Rules that look at many forms are spoiled at a code that all of them could hold.
    form = form if len(instance.forms) <= 2 else ""
    level = instance.rule.levels[0] if instance.rule.levels else "class"
    known = CODES[level]
    return (
        known if isinstance(known, str) else known.get(form, "201" if level == "class" else "20103")
    )


def key_of(address: Address, instance: Instance) -> Key:
    row = address.row
    if row == "each":
        row = code_of(instance)
        if row == "total" and address.side:
            row = "expense_total"
    return (address.form, address.side, row, address.column)


Spoiler = Callable[[str], tuple[tuple[Fact, ...], dict[str, object]]]


def _dropped(form: str) -> tuple[tuple[Fact, ...], dict[str, object]]:
    return tuple(f for f in SOUND if f.form != form), {}


#: How to make each question answered no; the argument is the form, or the topic.
def _worded(kind: str) -> Spoiler:
    remark = Remark(kind, "XX万元", "本年收入合计XX万元", 7)
    return lambda _: (SOUND, {"remarks": (remark,)})


def _administrative(form: str) -> tuple[tuple[Fact, ...], dict[str, object]]:
    facts = alter(SOUND, lambda f: f.row == "2010301", name="行政运行")
    return change(facts, (form, "", "2010301", "project"), "3.00"), {}


SPOILERS: dict[str, Spoiler] = {
    "presentation.form-present": _dropped,
    "presentation.form-filled": lambda form: (blank(SOUND, [form]), {}),
    "presentation.empty-form-explained": lambda form: (blank(SOUND, [form]), {}),
    "detail.functional-item": lambda form: (
        tuple(f for f in SOUND if f.form != form or len(f.row) != 7),
        {},
    ),
    "detail.economic-section": lambda form: (
        tuple(f for f in SOUND if f.form != "06" or not f.row.isdigit() or len(f.row) == 3),
        {},
    ),
    "timeliness.published": lambda _: (SOUND, {"published_on": "2025-01-01"}),
    "manner.machine-readable": lambda _: (
        alter(SOUND, lambda f: True, readers=("rapidocr",)),
        {},
    ),
    "manner.official-host": lambda _: (SOUND, {"urls": ("https://files.example.com/1.pdf",)}),
    "presentation.topic": lambda topic: (
        SOUND,
        {"topics": tuple(t for t in topic_names() if t != topic)},
    ),
    **{f"wording.{kind.replace('_', '-')}": _worded(kind) for kind in kinds()},
    "codes.economic-name": lambda form: (
        alter(SOUND, lambda f: f.form == form and f.row == "30101", name="办公费"),
        {},
    ),
    "codes.economic-known": lambda form: (
        alter(SOUND, lambda f: f.form == form and f.row == "30101", row="30188", code="30188"),
        {},
    ),
    "codes.functional-name": lambda form: (
        alter(SOUND, lambda f: f.form == form and f.row == "2080505", name="行政单位离退休"),
        {},
    ),
    "codes.functional-known": lambda form: (
        alter(
            SOUND, lambda f: f.form == form and f.row == "2010308", row="2980308", code="2980308"
        ),
        {},
    ),
    "codes.administrative-project": _administrative,
    "codes.same-name": lambda _: (
        alter(SOUND, lambda f: f.form == "05" and f.row == "20103", name="另一个名称"),
        {},
    ),
}


def spoiled(instance: Instance) -> tuple[Reading, dict[str, object]]:
    """A disclosure that violates one identity."""
    if instance.question is not None:
        facts, details = SPOILERS[instance.rule.id](instance.question.argument)
        return reading(facts=facts), {**PUBLISHED, **details}
    assert instance.stated is not None
    if instance.rule.relation == "at_most":
        return reading(facts=change(SOUND, key_of(instance.plus[0], instance), "1000")), PUBLISHED
    return reading(facts=change(SOUND, key_of(instance.stated, instance), "1")), PUBLISHED


def silent(instance: Instance) -> tuple[Reading, dict[str, object]]:
    """A disclosure about which an identity says nothing: its forms are blank, or all absent."""
    if instance.question is not None:
        if instance.rule.id == "presentation.empty-form-explained":
            return reading(facts=SOUND), {}
        return reading(facts=()), {}
    return reading(facts=blank(SOUND, instance.forms)), {}


@pytest.fixture(scope="module")
def judged() -> JudgedBatch:
    readings: dict[str, list[Reading]] = {"sound": [reading(facts=SOUND)]}
    details: dict[str, dict[str, object]] = {"sound": PUBLISHED}
    for instance in CATALOGUE.instances:
        for kind, make in (("spoiled", spoiled), ("silent", silent)):
            one, more = make(instance)
            readings[f"{kind} {instance.key}"] = [one]
            details[f"{kind} {instance.key}"] = more
    branch = change(SOUND, ("05", "", "2010302", "project"), "1")
    doubt = change(SOUND, ("03", "", "20103", "basic"), "1")
    doubt = alter(doubt, lambda f: f.key == ("03", "", "2010301", "basic"), agreed=False)
    extra = replace(
        SOUND[0], row="line_28", name="使用专用结余", amount_wan=Decimal(5), text="5.00"
    )
    grown = change(SOUND, ("01", "income", "grand_total", "amount"), "5")
    grown = change(grown, ("01", "expense", "closing_balance", "amount"), "5")
    grown = change(grown, ("01", "expense", "grand_total", "amount"), "5")
    readings["extra line"] = [reading(facts=(*grown, extra))]
    narrow = tuple(f for f in SOUND if f.form != "08" or f.column in ("total", "basic", "project"))
    readings["narrow 08"] = [reading(facts=narrow)]
    readings["before 2020"] = [reading(facts=facts_of(cells_before_2020()), year=2019)]
    details |= {name: {"topics": topic_names()} for name in ("narrow 08", "before 2020")}
    readings |= {"branch": [reading(facts=branch)], "doubt": [reading(facts=doubt)]}
    return judge_batch(Batch.from_readings(readings, details=details), CATALOGUE)


@pytest.fixture(scope="module")
def by_id(judged: JudgedBatch) -> dict[str, Judgement]:
    return {one.disclosure_id: one for one in judged.judgements}


def of_rule(judgement: Judgement, rule: str) -> list[Finding]:
    return [f for f in judgement.findings if f.rule == rule]


def test_sound_accounts_pass_everything(judged: JudgedBatch, by_id: dict[str, Judgement]) -> None:
    sound = by_id["sound"]
    assert {f.state for f in sound.findings} <= {State.NOT_APPLICABLE}
    assert sound.score == 100
    assert sound.grade == "A"
    assert sound.coverage == 100


def test_every_expectation_ran(judged: JudgedBatch) -> None:
    results = [result for v in judged.validations for result in v.results]
    assert {r["key"] for r in results} == {i.key for i in CATALOGUE.instances}
    assert [r for r in results if r["exception"]] == []
    assert [r["key"] for r in results if not r["evaluated"] or not r["unexpected"]] == []


@pytest.mark.parametrize("instance", CATALOGUE.instances, ids=lambda i: i.key)
class TestRule:
    def test_violation_is_found(self, instance: Instance, by_id: dict[str, Judgement]) -> None:
        found = [
            f
            for f in of_rule(by_id[f"spoiled {instance.key}"], instance.rule.id)
            if f.state is State.FAIL
        ]
        assert found
        for finding in found:
            assert finding.severity is instance.rule.severity
            assert finding.message.endswith("。")
            assert finding.innocent == instance.rule.innocent
            assert "$" not in finding.message
            assert "None" not in finding.message
            if instance.question is None:
                assert finding.stated_wan is not None
                assert finding.computed_wan is not None
                assert finding.difference_wan == finding.stated_wan - finding.computed_wan
                assert finding.tolerance_wan is not None
                assert abs(finding.difference_wan) > finding.tolerance_wan
                assert finding.page is not None
                assert finding.quote is not None
                assert finding.operands[0].role == "stated"

    def test_nothing_is_said_without_figures(
        self, instance: Instance, by_id: dict[str, Judgement]
    ) -> None:
        found = of_rule(by_id[f"silent {instance.key}"], instance.rule.id)
        assert {f.state for f in found} <= {State.NOT_APPLICABLE, State.NOT_EVALUABLE}
        assert found
        if instance.question is None:
            assert {f.state for f in found} == {State.NOT_APPLICABLE}


def test_subjects_are_unique_and_short(by_id: dict[str, Judgement]) -> None:
    for judgement in by_id.values():
        keys = Counter((f.rule, f.subject) for f in judgement.findings)
        assert [key for key, n in keys.items() if n > 1] == []
        assert all(len(f.subject) <= 200 for f in judgement.findings)


def test_an_error_caps_the_grade(by_id: dict[str, Judgement]) -> None:
    for instance in CATALOGUE.instances:
        judgement = by_id[f"spoiled {instance.key}"]
        errors = [
            f for f in judgement.findings if f.state is State.FAIL and f.severity is Severity.ERROR
        ]
        if errors:
            assert judgement.grade in "CDE"
            assert judgement.score is not None
            assert judgement.score < 100


def test_one_wrong_item_names_its_whole_branch(by_id: dict[str, Judgement]) -> None:
    """A wrong 项 in 05 shows against its 款 and where it meets other forms, and nowhere else."""
    failed = {(f.rule, f.subject) for f in by_id["branch"].findings if f.state is State.FAIL}
    assert ("form05.code-sum", "20103／项目支出") in failed
    assert ("form05.row-sum", "2010302／小计") in failed
    assert {rule for rule, _ in failed} == {
        "form05.code-sum",
        "form05.row-sum",
        "form03-05-07-08.at-most",
        "form03-05-07-08.equal",
    }


def test_a_doubtful_reading_is_suspect_not_wrong(by_id: dict[str, Judgement]) -> None:
    found = [
        f for f in of_rule(by_id["doubt"], "form03.code-sum") if f.subject == "20103／基本支出"
    ]
    assert [f.state for f in found] == [State.EXTRACTION_SUSPECT]
    assert found[0].severity is Severity.INFO


def test_a_line_of_an_unknown_name_is_no_error(by_id: dict[str, Judgement]) -> None:
    """Provinces add lines; what they add to cannot be told, so the total is not judged."""
    judgement = by_id["extra line"]
    assert [f for f in judgement.findings if f.state is State.FAIL] == []
    states = {f.rule: f.state for f in judgement.findings}
    assert states["form01.income-grand-total"] is State.NOT_EVALUABLE
    assert states["form01.income-sum"] is State.NOT_EVALUABLE
    assert "form01.both-sides" not in states


@pytest.mark.parametrize("variant", ["narrow 08", "before 2020"])
def test_variants_of_the_forms_are_sound(variant: str, by_id: dict[str, Judgement]) -> None:
    """08 with and without balances; before 2020 no state capital at all."""
    judgement = by_id[variant]
    assert [f for f in judgement.findings if f.state is State.FAIL] == []
    missing = {f.rule for f in judgement.findings if f.state is State.NOT_EVALUABLE}
    assert missing == {"timeliness.published", "manner.official-host"}
    assert judgement.grade == "A"
    inapplicable = {f.rule for f in judgement.findings if f.state is State.NOT_APPLICABLE}
    assert {"form08.balance", "form04-08.opening"} <= inapplicable
    assert "form03-05-07-08.equal" not in inapplicable


@pytest.mark.parametrize(
    ("notes", "state"),
    [
        ((), State.FAIL),
        (("第9页是图片，没有文字层，未作识别",), State.NOT_EVALUABLE),
        (("第9页：表头未能识别，该部分未读",), State.NOT_EVALUABLE),
        (("未标明金额单位，按万元读取",), State.FAIL),
    ],
)
def test_a_form_may_stand_in_what_was_not_read(notes: tuple[str, ...], state: State) -> None:
    one = replace(reading(facts=tuple(f for f in SOUND if f.form != "07")), notes=notes)
    suite = next(s for s in CATALOGUE.suites if s.name == "presentation")
    (judgement,) = judge_batch(Batch.from_readings({"x": [one]}), Catalogue((suite,))).judgements
    assert {f.state for f in of_rule(judgement, "presentation.form-present")} == {state}


def test_rules_outside_their_years() -> None:
    rule = CATALOGUE.by_id["form01.both-sides"]
    dated = replace(CATALOGUE.suites[0], rules=(rule.model_copy(update={"since": 2030}),))
    facts = change(SOUND, ("01", "income", "grand_total", "amount"), "5")
    batch = Batch.from_readings({"x": [reading(facts=facts)]})
    judged = judge_batch(batch, Catalogue((dated,)))
    assert [f.state for f in judged.judgements[0].findings] == [State.NOT_APPLICABLE]


@pytest.mark.parametrize(
    ("code", "printed", "bears"),
    [
        ("30217", "公务招待费", True),
        ("30303", "退休（役）费", True),
        ("30399", "对其他个人和家庭的补助支出", True),
        ("30108", "本养老保险缴费", True),
        ("30307", "医疗费", True),
        ("30201", "印刷费", False),
        ("30101", "差旅费", False),
        ("30188", "新的科目", None),
        ("30201", "", None),
    ],
)
def test_names_of_economic_codes(code: str, printed: str, bears: bool | None) -> None:
    """Cut and differing names are the code's own; another code's name is not."""
    assert bears_name(code, printed) is bears


@pytest.mark.parametrize(
    ("code", "printed", "differs"),
    [
        # Rows that slipped, and a name of no "other" item.
        ("2080505", "行政单位离退休", True),
        ("201", "教育支出", True),
        ("2013899", "市场监督管理专项", True),
        # Cut, worded otherwise, of other years, or of a code that is not known here.
        ("2080505", "机关事业单位基本养老", False),
        ("20805", "行政事业单位离退休", False),
        ("207", "文化体育与传媒支出", False),
        ("2010302", "一般行政管理事务", False),
        ("2010388", "新的科目", False),
        ("2010388", "行政运行", False),
        ("2069901", "科技奖励", False),
        ("2296099", "用于其他社会公益事业的彩票公益金支出", False),
        ("2013899", "", False),
    ],
)
def test_names_of_functional_codes(code: str, printed: str, differs: bool) -> None:
    """A list that is no official edition proves nothing by what it lacks."""
    assert (functional_name_differs(code, printed) is not None) is differs
