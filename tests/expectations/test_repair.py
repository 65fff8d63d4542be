"""The figure that was changed is the one that is named."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from scipy.optimize import milp
from synthetic_accounts import Key, facts_of, reading, sound_cells

from disclosures.model import DocumentKind, Fact, Reading
from disclosures.reading.agreement import Witness, agree
from disclosures.reading.text import read_text
from disclosures.verdicts import Cause, Judgement, Severity, State, Sureness
from expectations import repair
from expectations.catalogue import load_catalogue
from expectations.causes import slip
from expectations.judge import judge_batch
from warehouse.batches import Batch

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"
HERE = pytest.mark.skipif(not SEEDS.is_dir(), reason="the real disclosures are not here")

Changes = dict[Key, str]


def spoilt(facts: Iterable[Fact], changes: Changes) -> tuple[Fact, ...]:
    """The facts with some figures as given, in 万元."""
    todo = dict(changes)
    result = []
    for fact in facts:
        if fact.key in todo:
            text = todo.pop(fact.key)
            fact = replace(fact, amount_wan=Decimal(text), text=text)
        result.append(fact)
    assert not todo, f"no such figures: {todo}"
    return tuple(result)


def key(cause: Cause, place: int = 0) -> Key:
    operand = cause.suspects[place].operand
    return (operand.form or "", operand.side or "", operand.row, operand.column)


def first_named(judgement: Judgement) -> set[Key]:
    return {key(cause) for cause in judgement.causes if cause.option == 0}


def wrong(judgement: Judgement) -> set[tuple[str, str]]:
    return {
        (f.rule, f.subject)
        for f in judgement.findings
        if f.state is State.FAIL and f.severity is Severity.ERROR and f.stated_wan is not None
    }


SOUND = facts_of(sound_cells())

ONE: list[tuple[Key, str, str]] = [
    (("03", "", "2010301", "basic"), "110.11", "100.11"),
    (("03", "", "total", "total"), "199.25", "190.20"),
    (("01", "expense", "expense_total", "amount"), "19.02", "190.20"),
    (("04", "expense", "212", "government_fund"), "-34.07", "34.07"),
    (("02", "", "20805", "appropriation"), "16.50", "15.60"),
    (("07", "", "2120801", "closing_balance"), "12.00", "2.00"),
    (("06", "", "301", "amount"), "130.68", "103.68"),
    (("05", "", "20103", "project"), "52.27", "25.27"),
]

FIRST, SECOND = ("03", "", "2010301", "basic"), ("04", "income", "grand_total", "amount")
TWO: Changes = {FIRST: "110.11", SECOND: "7"}
THREE: Changes = {**TWO, ("07", "", "2120803", "income"): "44.04"}
BASIC, PROJECT = ("05", "", "2010302", "basic"), ("05", "", "2010302", "project")
OVERSEAS = ("09", "", "only", "actual.overseas")


def small_overseas() -> tuple[Fact, ...]:
    """Form 09 alone, with 1.46 for journeys overseas."""
    cells = {key: value for key, value in sound_cells().items() if key[0] == "09"}
    cells[OVERSEAS] = Decimal("1.46")
    parts = (f"actual.{part}" for part in ("overseas", "vehicles", "hospitality"))
    total = sum((cells["09", "", "only", part] for part in parts), Decimal(0))
    cells["09", "", "only", "actual.total"] = total
    return facts_of(cells)


def reread() -> tuple[Fact, ...]:
    """Two readers misread one figure, a third saw it right."""
    right = tuple(replace(f, readers=()) for f in SOUND)
    misread = spoilt(right, {FIRST: "110.11"})
    readers = (Witness("first", (), misread), Witness("second", (), misread))
    return agree((*readers, Witness("third", (), right))).facts


def seen_otherwise() -> tuple[Fact, ...]:
    """A reader saw yet another figure, which repairs nothing."""
    return tuple(
        replace(f, seen=(("third", "55.55"),)) if f.key == FIRST else f
        for f in spoilt(SOUND, {FIRST: "110.11"})
    )


CASES: dict[str, tuple[Fact, ...]] = {
    **{f"one {n}": spoilt(SOUND, {changed: text}) for n, (changed, text, _) in enumerate(ONE)},
    "two": spoilt(SOUND, TWO),
    "three": spoilt(SOUND, THREE),
    "swapped": spoilt(SOUND, {BASIC: "20.22", PROJECT: "0.00"}),
    "detail": spoilt(SOUND, {("06", "", "30201", "amount"): "9.00"}),
    "slip": spoilt(small_overseas(), {OVERSEAS: "4.16"}),
    "sound": SOUND,
    "reread": reread(),
    "seen otherwise": seen_otherwise(),
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    # One batch: a validation costs the same for one disclosure and for twenty.
    batch = Batch.from_readings({name: [reading(facts=facts)] for name, facts in CASES.items()})
    judgements = judge_batch(batch, load_catalogue()).judgements
    return {judgement.disclosure_id: judgement for judgement in judgements}


@pytest.mark.parametrize("number", range(len(ONE)))
def test_one_changed_figure_is_named_alone(number: int, judged: dict[str, Judgement]) -> None:
    changed, _, truth = ONE[number]
    judgement = judged[f"one {number}"]
    (cause,) = judgement.causes
    assert key(cause) == changed
    assert cause.sureness is Sureness.SOLE
    assert len(cause.suspects) == 1
    found = cause.suspects[0]
    assert found.low_wan is not None
    assert found.high_wan is not None
    assert found.low_wan <= Decimal(truth) <= found.high_wan
    assert abs(found.repair_wan - Decimal(truth)) <= Decimal("0.02")
    # Every violated identity is its consequence.
    assert wrong(judgement) <= set(cause.explains)
    assert {f.cause for f in judgement.findings if (f.rule, f.subject) in cause.explains} == {1}
    assert f"则所列 {len(cause.explains)} 项核对全部成立" in cause.message


def test_two_and_three_changed_figures_are_named_together(judged: dict[str, Judgement]) -> None:
    assert first_named(judged["two"]) == set(TWO)
    assert first_named(judged["three"]) == set(THREE)
    explained = {e for cause in judged["three"].causes for e in cause.explains}
    assert wrong(judged["three"]) <= explained


def test_columns_that_changed_places_are_named_both(judged: dict[str, Judgement]) -> None:
    assert first_named(judged["swapped"]) == {BASIC, PROJECT}
    reasons = [r for cause in judged["swapped"].causes for r in cause.suspects[0].reasons]
    assert "两个数字位置对调" in reasons


def test_a_detail_item_is_in_a_list_that_hides_none(judged: dict[str, Judgement]) -> None:
    (cause,) = judged["detail"].causes
    named = {key(cause, n) for n in range(len(cause.suspects))}
    assert {("06", "", code, "amount") for code in ("30201", "30212", "30217", "30231")} <= named
    assert cause.sureness is not Sureness.SOLE
    assert "改动另一个数字也能成立" in cause.message


def test_a_slip_of_the_hand_goes_first_and_hides_no_other(judged: dict[str, Judgement]) -> None:
    (cause,) = judged["slip"].causes
    assert key(cause) == OVERSEAS
    assert "相邻两位数字颠倒" in cause.suspects[0].reasons
    assert cause.sureness is Sureness.LIKELY
    others = {key(cause, n)[3] for n in range(1, len(cause.suspects))}
    assert others == {"actual.total", "actual.hospitality"}


def test_a_sound_disclosure_has_no_cause(judged: dict[str, Judgement]) -> None:
    assert judged["sound"].causes == ()
    assert judged["sound"].checks[State.EXACT.value] > 100


def test_a_reader_that_saw_the_repaired_figure_makes_it_a_reading_error(
    judged: dict[str, Judgement],
) -> None:
    fact = next(f for f in CASES["reread"] if f.key == FIRST)
    assert fact.agreed
    assert fact.amount_wan == Decimal("110.11")
    assert fact.seen == (("third", "100.11"),)
    judgement = judged["reread"]
    (cause,) = judgement.causes
    assert cause.state is State.EXTRACTION_SUSPECT
    assert cause.suspects[0].repair_wan == Decimal("100.11")
    assert "读取程序 third 看到的正是这个数" in cause.message
    # Recorded, and nobody is accused.
    assert not wrong(judgement)
    assert State.FAIL.value not in judgement.checks
    suspects = [f for f in judgement.findings if f.state is State.EXTRACTION_SUSPECT]
    assert {f.severity for f in suspects} == {Severity.INFO}
    assert {(f.rule, f.subject) for f in suspects} == set(cause.explains)
    assert judgement.checks[State.EXTRACTION_SUSPECT.value] == len(suspects)


def test_what_another_reader_saw_does_not_excuse_another_figure(
    judged: dict[str, Judgement],
) -> None:
    assert judged["seen otherwise"].causes[0].state is State.FAIL
    assert wrong(judged["seen otherwise"])


@pytest.mark.parametrize(
    ("printed", "repaired", "kind"),
    [
        (12345, 12435, "相邻两位数字颠倒"),
        (12345, 1234500, "小数点移位"),
        (12346, 123, "小数点移位"),
        (-500, 500, "正负号相反"),
        (12345, 12845, "只有一位数字不同"),
        (12345, 1245, "多写或漏写一位数字"),
        (12345, 67890, None),
        (0, 500, None),
        (7, 9, None),
    ],
)
def test_slips(printed: int, repaired: int, kind: str | None) -> None:
    found = slip(printed, repaired)
    assert (found[1] if found else None) == kind


# -- real disclosures


def seed(name: str) -> Reading:
    text = read_text(SEEDS / f"{name}.txt")
    return Reading(
        sha256=name,
        media_type="text/plain",
        kind=DocumentKind.FINAL_ACCOUNTS,
        agency=name,
        year=2023,
        forms=tuple(form for form, _ in text.forms),
        facts=tuple(fact for _, facts in text.forms for fact in facts),
    )


CHANGED: dict[str, tuple[str, Changes]] = {
    "one": ("acheng-2023", {("05", "", "2010301", "basic"): "402.32"}),
    "two": (
        "acheng-2023",
        {
            ("05", "", "2010301", "basic"): "402.32",
            ("01", "income", "grand_total", "amount"): "9.00",
        },
    ),
    "three": (
        "sanmenxia-2023",
        {
            ("02", "", "total", "total"): "2939.17",
            ("03", "", "2010301", "project"): "349.58",
            ("04", "expense", "201", "general_budget"): "248.81",
        },
    ),
}


@pytest.fixture(scope="module")
def real() -> dict[str, Judgement]:
    names = ("acheng-2023", "sanmenxia-2023", "beiguan-2023")
    readings = {name: [seed(name)] for name in names}
    for name, (base, changes) in CHANGED.items():
        one = seed(base)
        readings[name] = [replace(one, facts=spoilt(one.facts, changes))]
    batch = Batch.from_readings(readings)
    return {j.disclosure_id: j for j in judge_batch(batch, load_catalogue()).judgements}


@pytest.mark.shared
@HERE
@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_changed_figures_of_real_disclosures(name: str, real: dict[str, Judgement]) -> None:
    assert first_named(real[name]) == set(CHANGED[name][1])


@pytest.mark.shared
@HERE
@pytest.mark.parametrize("name", ["acheng-2023", "sanmenxia-2023"])
def test_sound_real_disclosures_name_nothing(name: str, real: dict[str, Judgement]) -> None:
    assert real[name].causes == ()


@pytest.mark.shared
@HERE
def test_a_real_group_that_its_items_do_not_make_up(real: dict[str, Judgement]) -> None:
    (cause,) = real["beiguan-2023"].causes
    named = {key(cause, n)[2] for n in range(len(cause.suspects))}
    assert len(named) > 5
    assert {code[:3] for code in named} == {"302"}
    assert "302" not in named  # the total of public expenditure confirms it
    assert cause.sureness is Sureness.OPEN


def test_what_the_solver_prints_is_no_result(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HiGHS prints from C, past its options and past Python's streams."""
    asked: list[int] = []

    def talkative(*given: object, **more: object) -> object:
        asked.append(1)
        ctypes.CDLL(None).printf(b"transformNewIntegerFeasibleSolution\n")
        return milp(*given, **more)

    monkeypatch.setattr(repair, "milp", talkative)
    facts = spoilt(SOUND, {BASIC: "7.00", PROJECT: "30.00"})
    judge_batch(Batch.from_readings({"x": [reading(facts=facts)]}), load_catalogue())
    ctypes.CDLL(None).fflush(None)
    out, err = capfd.readouterr()
    assert asked
    assert out == ""
    assert err.count("transformNewIntegerFeasibleSolution") == len(asked)
