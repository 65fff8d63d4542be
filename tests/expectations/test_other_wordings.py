"""Sound accounts in words that no layout of this project prints: nothing to find fault with.

The forms are rendered, the text is written here as departments of several provinces word it, and
all of it is read from the page and judged.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from disclosures.model import Reading
from disclosures.reading import read_document
from disclosures.rendering import Format, layouts, render
from disclosures.rendering.figures import Figures
from disclosures.rendering.synthetic import synthetic_figures
from disclosures.verdicts import Severity, State
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from warehouse.batches import Batch

CENT = Decimal("0.01")


class Accounts:
    """What a text may say of one department's figures."""

    def __init__(self, figures: Figures) -> None:
        forms: dict[str, dict[str, Any]] = figures.forms.model_dump()
        self.year, self.agency = figures.year, figures.agency
        self.income = amounts(forms["f01"]["income"])
        self.expense = amounts(forms["f01"]["expense"])
        self.spent = amounts(forms["f03"]["total"])
        self.general = amounts(forms["f05"]["total"])
        self.received = amounts(forms["f04"]["income"])
        self.actual = amounts(forms["f09"]["actual"])
        self.public = amount(forms["f06"]["public_total"])
        self.rows = [
            (row["code"], row["name"], amount(row["values"]["total"]))
            for row in forms["f05"]["rows"]
        ]

    def share(self, part: Decimal, whole: Decimal) -> str:
        return f"{cents(part / whole * 100) if whole else Decimal('0.00')}%"

    def change(self, now: Decimal, word: str = "，") -> str:
        before = cents(now * Decimal("0.8"))
        if not before:
            return "持平"
        return f"增加{now - before}万元{word}增长{cents((now - before) / before * 100)}%"


def amount(printed: str) -> Decimal:
    return Decimal(printed.replace(",", "") or "0")


def amounts(printed: dict[str, Any]) -> dict[str, Decimal]:
    return {key: amount(value) for key, value in printed.items() if isinstance(value, str)}


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def coast(a: Accounts) -> Iterator[str]:
    """Balances first; what falls to a fund stands behind 其中; items without 类 and 款."""
    yield "一、收入支出决算总体情况"
    yield (
        f"年初结转和结余{a.income['opening_balance']}万元，本年收入{a.income['income_total']}万元，"
        f"本年支出{a.spent['total']}万元，年末结转和结余{a.expense['closing_balance']}万元。"
    )
    yield "（一）收入决算情况"
    yield f"{a.year}年收入{a.income['income_total']}万元，具体情况如下："
    yield (
        f"1.财政拨款收入{a.received['income_total']}万元，"
        f"其中政府性基金{a.income['government_fund']}万元。"
    )
    yield f"2.其他收入{a.income['other']}万元。"
    yield "（二）支出决算情况"
    yield (
        f"{a.year}年支出{a.spent['total']}万元，比上年{a.change(a.spent['total'])}，主要原因是人员经费"
        f"增加约30万元。其中基本支出、项目支出分别为{a.spent['basic']}万元、{a.spent['project']}万元。"
    )
    yield "二、一般公共预算财政拨款支出决算情况"
    yield f"{a.year}年一般公共预算财政拨款支出{a.general['total']}万元，具体情况如下："
    for n, (_, name, spent) in enumerate([row for row in a.rows if len(row[0]) == 7], start=1):
        yield f"{n}.{name}（项）支出{spent}万元，较上年决算数{a.change(spent)}。"


def lakes(a: Accounts) -> Iterator[str]:
    """Chapters with Arabic numbers above （一）, last year's amounts beside this year's."""
    yield "1、收入支出决算总体情况说明"
    total = a.income["grand_total"]
    yield f"{a.year}年度收、支总计{total}万元，与上年相比，{a.change(total)}，主要是因为人员变动。"
    yield "2、收入决算情况说明"
    yield (
        f"{a.year}年度收入{a.income['income_total']}万元，其中：财政拨款收入"
        f"{a.received['income_total']}万元，占"
        f"{a.share(a.received['income_total'], a.income['income_total'])}。"
    )
    yield "3、支出情况说明"
    yield (
        f"{a.year}年度，本单位支出为{a.spent['total']}万元，由上年的{a.spent['total'] + 9}万元"
        f"降至{a.spent['total']}万元。基本支出{a.spent['basic']}万元，项目支出{a.spent['project']}万元。"
    )
    yield "5、一般公共预算财政拨款支出决算情况说明"
    yield "（一）支出决算总体情况"
    yield f"支出决算为{a.general['total']}万元，与上年相比，{a.change(a.general['total'])}。"
    yield "7、一般公共预算财政拨款三公经费支出决算情况说明"
    yield "（一）总体情况说明"
    yield (
        f"2、公务用车购置{a.actual['vehicle_purchase']}万元，公务用车运行"
        f"{a.actual['vehicle_operation']}万元，公务接待{a.actual['hospitality']}万元，出国（境）"
        f"{a.actual['overseas']}万元，合计{a.actual['total']}万元。"
    )
    yield "10、其他重要事项情况说明"
    yield "（一）机关运行经费支出决算情况"
    yield f"支出决算为{a.public}万元，其中印刷费减少2.00万元，差旅费减少1.00万元。"


def mountains(a: Accounts) -> Iterator[str]:
    """Headings that the text goes on behind, and sections within sections."""
    yield "二、部门决算情况说明"
    yield "（一）收入支出决算总体情况说明。"
    yield f"1.总体情况。{a.year}年度收入总计{a.income['grand_total']}万元，支出总计相同。"
    yield (
        f"2.收入情况。{a.year}年度收入合计{a.income['income_total']}万元，较上年决算数"
        f"{a.change(a.income['income_total'])}，主要原因是补贴减少483.05万元，基本支出增加68.49万元"
        "（净额减少414.56万元）。"
    )
    yield "三、一般公共预算支出决算情况。"
    yield f"{a.year}年度，本单位一般公共预算财政拨款支出总计{a.general['total']}万元。"
    yield "四、“三公”经费情况说明"
    yield (
        f"其中，因公出国（境）费支出决算比去年无增减变化；公务用车购置及运行费支出决算"
        f"{a.actual['vehicles']}万元，比去年{a.change(a.actual['vehicles'])}；公务接待费支出决算"
        f"{a.actual['hospitality']}万元。国内公务接待共139批次（其中外事接待0批次），1205人次"
        "（其中外事接待0人次）。"
    )
    yield "五、其他事项"
    yield f"（一）机关运行经费支出情况。本部门{a.year}年度支出合计{a.public}万元。"
    yield (
        "（二）政府采购支出情况。2023年度支出总额30.00万元，其中：货物类采购10.00万元，占33.33%；"
        "工程类采购0万元，占0%；服务类采购20.00万元，占66.67%。"
    )
    yield "（三）国有资产占用情况。共有车辆3辆，其中：机要通信用车1辆、其他用车2辆。处置车辆1辆。"


def page(seed: int, text: Callable[[Accounts], Iterator[str]]) -> str:
    figures = synthetic_figures(seed)
    whole = render(figures, layouts()["hainan_full_width"], Format.HTML).decode()
    chapter = re.search(r"<h\d[^>]*>[^<]*第三部分[^<]*</h\d>", whole)
    following = re.search(r"<h\d[^>]*>[^<]*第四部分", whole)
    assert chapter
    assert following
    written = "".join(f"<p>{html.escape(line)}</p>\n" for line in text(Accounts(figures)))
    return whole[: chapter.end()] + written + whole[following.start() :]


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    path: Path = tmp_path_factory.mktemp("wordings") / "page.html"
    found = {}
    for text in (coast, lakes, mountains):
        for seed in (900, 902):
            path.write_text(page(seed, text), encoding="utf-8")
            name = f"{text.__name__} {seed}"
            found[name] = replace(read_document(path), sha256=name)
    return found


def test_sound_accounts_in_other_words_have_no_fault(readings: dict[str, Reading]) -> None:
    batch = Batch.from_readings({name: [one] for name, one in readings.items()})
    faults = [
        (judgement.disclosure_id, finding.rule, finding.message)
        for judgement in judge_batch(batch, load_catalogue()).judgements
        for finding in judgement.findings
        if finding.state is State.FAIL and finding.severity is not Severity.INFO
    ]
    assert faults == []
    assert all(len(one.statements) >= 15 for one in readings.values())


def test_a_wrong_figure_in_other_words_is_found(readings: dict[str, Reading]) -> None:
    """The same texts are compared with the forms, not passed over."""
    changed = {}
    for name, one in readings.items():
        said = list(one.statements)
        at = next(
            n for n, s in enumerate(said) if s.subject == "一般公共预算财政拨款支出" and s.value
        )
        was = said[at].value
        assert was is not None
        quote = said[at].quote.replace(f"{was}", f"{was + 7}")
        said[at] = replace(said[at], value=was + 7, quote=quote)
        changed[name] = replace(one, statements=tuple(said))
    batch = Batch.from_readings({name: [one] for name, one in changed.items()})
    for judgement in judge_batch(batch, load_catalogue()).judgements:
        failed = {f.rule for f in judgement.findings if f.state is State.FAIL}
        assert "narrative.tie.general-expense" in failed, judgement.disclosure_id
