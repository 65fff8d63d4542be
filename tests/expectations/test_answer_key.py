"""Real disclosures against what people found in them: all of it, at its severity, and no more.

For three of them every figure was checked by hand; the errors of the other two were each confirmed
against the text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from disclosures.reading import read_document
from disclosures.verdicts import Finding, Judgement, State
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from warehouse.batches import Batch

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SEEDS.is_dir(), reason="the real disclosures are not here"),
]

#: Rule and the beginning of the subject.
Key = tuple[str, str]

#: What must be reported, by severity. Errors and warnings are all that may be.
FOUND: dict[str, dict[str, set[Key]]] = {
    "acheng-2023": {
        "error": {("narrative.completion.evaluation", "整体支出自评")},
        "warn": {("narrative.tie.unit-evaluation", "整体支出自评")},
        "info": {("narrative.bases", "整体支出自评")},
    },
    "wuerhe-2023": {
        "error": set(),
        "warn": {
            ("performance.cost", "政务大厅工作经费／网络维修与保障成本"),  # W-1
            ("performance.missed-full", "网站建设专项经费／网站建设成本"),  # W-2
            ("performance.none-bought", "克拉玛依市乌尔禾区人民政府办公室／设备采购批次"),  # W-4
        },
        "info": {
            ("performance.met-not-full", "驻外办事处专项经费／驻外办项目成本"),  # W-3
            ("performance.weights-hundred", "克拉玛依市乌尔禾区人民政府办公室"),  # W-6
            ("performance.actual-echoed", "克拉玛依市乌尔禾区人民政府办公室"),  # W-6
        },
    },
    "sanmenxia-2023": {
        "error": {
            ("performance.weights", "市人民政府办公室"),  # S-1
            ("performance.scores", "市人民政府办公室"),  # S-1
        },
        "warn": {
            ("performance.accounts-initial", "市人民政府办公室"),  # S-2
            ("performance.accounts-executed", "市人民政府办公室"),  # S-2
            ("performance.accounts-other-funds", "市人民政府办公室"),  # S-3
            ("narrative.sum.budget-items", "一般公共预算财政拨款支出"),  # S-5
        },
        "info": {
            ("performance.adjustment", "市人民政府办公室"),  # S-4
            ("form05-06.pension", "2080505"),  # S-6
            ("codes.administrative-project", "2010301"),  # S-7
        },
    },
    "beiguan-2023": {
        "error": {
            ("form06.group-sum", "302"),
            ("narrative.tie.general-basic", "一般公共预算财政拨款基本支出"),
            ("narrative.sum.basic", "一般公共预算财政拨款基本支出"),
            ("narrative.tie.item", "一般公共服务(类)政府办公厅(室)及相关机构事务(款)事业运行(项)"),
            ("narrative.tie.three-public-total", "三公经费"),
            ("narrative.tie.three-public-hospitality", "公务接待费"),
            ("narrative.tie.three-public-budget-total", "三公经费"),
            ("narrative.tie.three-public-budget-hospitality", "公务接待费"),
            ("narrative.completion.three-public-hospitality", "公务接待费"),
            ("narrative.completion.three-public-total-of-zero", "三公经费"),
            ("narrative.completion.three-public-hospitality-of-zero", "公务接待费"),
            ("narrative.share.small-firms-of-zero", "授予中小企业合同金额"),
            ("narrative.share.micro-firms-of-zero", "授予小微企业合同金额"),
            ("performance.scores", "安阳市北关区便民服务中心"),
            ("performance.within-weight", "安阳市北关区便民服务中心／专项资金细化率"),
            ("performance.within-weight", "安阳市北关区便民服务中心／政府采购执行率"),
            ("performance.within-weight", "安阳市北关区便民服务中心／管理制度健全性"),
            ("performance.within-weight", "安阳市北关区便民服务中心／结转结余率"),
        },
        "warn": {("performance.missed-full", "安阳市北关区便民服务中心／政府采购执行率")},
        "info": {("performance.adjustment", "安阳市北关区便民服务中心")},
    },
    "lixia-2023": {
        "error": {
            ("narrative.prior.appropriation", "财政拨款收支总计与财政拨款收入"),
            ("narrative.sum.budget-items-exceed", "一般公共预算财政拨款支出"),
            ("performance.again-score", "因公出国经费"),
        },
        "warn": {
            ("narrative.prior.not-budget", "收支总计"),
            ("narrative.prior.not-budget", "财政拨款收入"),
            ("narrative.sum.budget-items", "一般公共预算财政拨款支出"),
            ("narrative.sum.small-firms-by-kind", "授予中小企业合同金额"),
            ("performance.claim-money", "济南市历下区人民政府办公室共自评"),
            ("performance.cost", "大数据项目建设专项经费／大数据项目建设成本"),
            ("performance.cost", "大数据项目建设专项经费／总成本"),
            ("performance.cost", "政府工作多媒体展示专项经费／总成本"),
        },
        "info": {("codes.administrative-project", "2010301")},
    },
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    readings = {name: [read_document(SEEDS / f"{name}.txt")] for name in FOUND}
    judgements = judge_batch(Batch.from_readings(readings), load_catalogue()).judgements
    return {one.disclosure_id: one for one in judgements}


def reported(judgement: Judgement, severity: str) -> list[Finding]:
    return [f for f in judgement.findings if f.state is State.FAIL and f.severity.value == severity]


def missing(found: list[Finding], wanted: set[Key]) -> set[Key]:
    return {
        (rule, subject)
        for rule, subject in wanted
        if not any(f.rule == rule and f.subject.startswith(subject) for f in found)
    }


@pytest.mark.parametrize("severity", ["error", "warn", "info"])
@pytest.mark.parametrize("name", FOUND)
def test_what_people_found_is_reported(
    name: str, severity: str, judged: dict[str, Judgement]
) -> None:
    assert missing(reported(judged[name], severity), FOUND[name][severity]) == set()


@pytest.mark.parametrize("severity", ["error", "warn"])
@pytest.mark.parametrize("name", FOUND)
def test_nothing_else_is(name: str, severity: str, judged: dict[str, Judgement]) -> None:
    """No rounding, no trap, and nothing else that a reader could not confirm."""
    more = [
        (f.rule, f.subject, f.message)
        for f in reported(judged[name], severity)
        if not any(
            f.rule == rule and f.subject.startswith(subject)
            for rule, subject in FOUND[name][severity]
        )
    ]
    assert more == []


@pytest.mark.parametrize("name", FOUND)
def test_what_is_less_than_an_error_says_what_to_check_first(
    name: str, judged: dict[str, Judgement]
) -> None:
    found = [f for severity in ("warn", "info") for f in reported(judged[name], severity)]
    assert [f.rule for f in found if not f.innocent] == []


def test_rounding_is_counted_and_not_listed(judged: dict[str, Judgement]) -> None:
    """The key counts 16, 2 and 14 differences that rounding explains, besides others between
    forms that it did not look at."""
    least = {"acheng-2023": 16, "wuerhe-2023": 2, "sanmenxia-2023": 14}
    for name, count in least.items():
        assert judged[name].checks[State.WITHIN_ROUNDING.value] >= count
