"""What the command line prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from disclosures.verdicts import Finding, Judgement, Severity, State

if TYPE_CHECKING:
    from flows.local import CheckOutcome
    from flows.settings import Settings

#: Findings printed per disclosure; the .jsonl files and the data docs hold all.
MOST_FINDINGS = 40

_SEVERITY = {Severity.ERROR: "[red]错误", Severity.WARN: "[yellow]提示", Severity.INFO: "说明"}
_SHOWN = (State.FAIL, State.ERROR, State.EXTRACTION_SUSPECT)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A plain table of some columns."""
    table = Table(box=box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        values = (row.get(column) for column in columns)
        table.add_row(*("" if value is None else escape(str(value)) for value in values))
    Console().print(table)


def print_check(outcome: CheckOutcome) -> None:
    """Documents, then findings, then scores of a check."""
    console = Console()
    documents = Table(box=box.SIMPLE, title="文件", title_justify="left")
    for column in ("文件", "类型", "部门", "年度", "报表", "说明"):
        documents.add_column(column, overflow="fold")
    for name, reading in outcome.check.readings:
        documents.add_row(
            escape(name),
            reading.kind.value,
            escape(reading.agency or ""),
            str(reading.year or ""),
            " ".join(sorted(set(reading.form_keys))),
            escape(reading.reason or ""),
        )
    console.print(documents)

    findings = Table(box=box.SIMPLE, title="发现的问题", title_justify="left")
    for column in ("级别", "部门", "规则", "说明", "页"):
        findings.add_column(column, overflow="fold")
    shown = 0
    for disclosure in outcome.check.disclosures:
        judgement = outcome.check.judgements[disclosure.disclosure_id]
        listed = [finding for finding in judgement.findings if finding.state in _SHOWN]
        shown += len(listed)
        for finding in sorted(listed, key=_gravest_first)[:MOST_FINDINGS]:
            findings.add_row(
                _level(finding),
                escape(disclosure.agency),
                finding.rule,
                escape(_message(finding)),
                str(finding.page or ""),
            )
        if len(listed) > MOST_FINDINGS:
            findings.add_row("", "", "", f"…… 另有 {len(listed) - MOST_FINDINGS} 条", "")
        for count, reason in unjudged(judgement):
            findings.add_row("未能检查", escape(disclosure.agency), count, escape(reason), "")
    if findings.row_count:
        console.print(findings)
    if not outcome.check.disclosures:
        console.print("没有可以校验的部门决算。\n")
    elif not shown:
        console.print("没有发现问题。\n")

    causes = Table(box=box.SIMPLE, title="最可能有误的数字", title_justify="left")
    for column in ("部门", "说明", "页"):
        causes.add_column(column, overflow="fold")
    for disclosure in outcome.check.disclosures:
        for cause in outcome.check.judgements[disclosure.disclosure_id].causes:
            if cause.option == 0:
                page = cause.suspects[0].operand.page
                causes.add_row(escape(disclosure.agency), escape(cause.message), str(page or ""))
    if causes.row_count:
        console.print(causes)

    scores = Table(box=box.SIMPLE, title="得分", title_justify="left")
    for column in ("部门", "年度", "得分", "等级", "覆盖率", "规则集"):
        scores.add_column(column)
    for disclosure in outcome.check.disclosures:
        judgement = outcome.check.judgements[disclosure.disclosure_id]
        scores.add_row(
            escape(disclosure.agency),
            str(disclosure.year or ""),
            "—" if judgement.score is None else str(judgement.score),
            judgement.grade,
            f"{judgement.coverage}%",
            judgement.ruleset,
        )
    if outcome.check.disclosures:
        console.print(scores)
    if outcome.out is not None:
        console.print(f"结果目录：{outcome.out}\n数据文档：{outcome.index}", soft_wrap=True)


def unjudged(judgement: Judgement) -> list[tuple[str, str]]:
    """What is missing, and how many rules could not be checked for it, most rules first."""
    # Great Expectations takes seconds to import, and other tables do not need it.
    from expectations.wording import folded

    open_ = [f for f in judgement.findings if f.state is State.NOT_EVALUABLE]
    folds, single = folded((finding, finding.message) for finding in open_)
    lines = [
        (f"{len(fold.findings)} 条规则", fold.reason)
        for fold in sorted(folds, key=lambda fold: -len(fold.findings))
    ]
    if single:
        lines.append((f"{len(single)} 条规则", "其他原因，见 findings.jsonl 或数据文档"))
    return lines


def _gravest_first(finding: Finding) -> tuple[int, str, str, str]:
    order = list(Severity).index(finding.severity)
    return order, finding.form or "", finding.rule, finding.subject


def _message(finding: Finding) -> str:
    return finding.message + (f"请先核对：{finding.innocent}" if finding.innocent else "")


def _level(finding: Finding) -> str:
    if finding.state is State.EXTRACTION_SUSPECT:
        return "读取存疑"
    if finding.state is State.ERROR:
        return "[red]未能执行"
    return _SEVERITY[finding.severity]


def print_run(settings: Settings, summary: Mapping[str, Any]) -> None:
    """The summary of a run and the disclosures that it published."""
    # Prefect and Great Expectations take seconds to import, and other tables need neither.
    from flows import steps
    from flows.artifacts import FAILURES, LABELS, overview_row

    console = Console()
    counted = Table(box=box.SIMPLE, show_header=False)
    for key, label in LABELS.items():
        if key in summary:
            counted.add_row(label, str(summary[key]))
    console.print(counted)
    for key, title in FAILURES.items():
        for name, reason in dict(summary.get(key, {})).items():
            console.print(f"[red]{title}[/] {escape(name)}：{escape(str(reason))}")

    table = Table(box=box.SIMPLE)
    rows = [overview_row(row) for row in steps.overview(steps.Workspace(settings))]
    for column in rows[0] if rows else ():
        right = column in ("得分", "错误", "提示")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    console.print(table if rows else "还没有决算公开。")
    if "data_docs" in summary:
        console.print(f"数据文档：{summary['data_docs']}", soft_wrap=True)
