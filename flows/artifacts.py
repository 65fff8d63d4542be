"""What a run leaves in the Prefect UI: a table of disclosures, a summary and a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from warehouse.queries import DisclosureSummary

#: What a run's summary counts, in the order of the job.
LABELS = {
    "sites": "站点",
    "sites_failed": "抓取失败的站点",
    "documents_fetched": "新抓取文件",
    "documents_read": "读取文件",
    "disclosures": "决算公开",
    "disclosures_judged": "校验",
    "errors": "错误",
    "warnings": "提示",
}

#: What a run could not do, by name with the reason.
FAILURES = {
    "failed_sites": "抓取未计入的站点",
    "journals_left": "以前抓取的记录未能载入，下次再试",
}

#: The UI draws every row of a table artifact; the data docs hold the whole list.
MOST_ROWS = 200


def overview_row(disclosure: DisclosureSummary) -> dict[str, Any]:
    """One disclosure as a row of a table, for people."""
    return {
        "地区": disclosure.region or "",
        "部门": disclosure.agency,
        "年度": disclosure.year or "",
        "报表": f"{len(disclosure.forms)}/9",
        "得分": "" if disclosure.score is None else str(disclosure.score),
        "等级": disclosure.grade or "",
        "覆盖率": "" if disclosure.coverage is None else f"{disclosure.coverage}%",
        "错误": disclosure.errors,
        "提示": disclosure.warnings,
    }


def publish_artifacts(
    kind: str, summary: Mapping[str, Any], disclosures: Sequence[DisclosureSummary], index: Path
) -> None:
    """Artifacts of one run. Keys take only a-z, 0-9 and dashes, so they are fixed by kind."""
    create_table_artifact(
        table=[overview_row(disclosure) for disclosure in disclosures[:MOST_ROWS]],
        key=f"{kind}-disclosures",
        description=f"本次运行涉及的决算公开，共 {len(disclosures)} 份"
        + (f"，列出前 {MOST_ROWS} 份" if len(disclosures) > MOST_ROWS else ""),
    )
    counted = "\n".join(
        f"| {label} | {summary[key]} |" for key, label in LABELS.items() if key in summary
    )
    failures = "".join(
        f"\n\n{title}：\n" + "".join(f"\n- **{name}**：{reason}" for name, reason in found.items())
        for key, title in FAILURES.items()
        if (found := summary.get(key))
    )
    create_markdown_artifact(
        markdown=f"| 项目 | 数量 |\n|---|---:|\n{counted}{failures}\n",
        key=f"{kind}-summary",
        description=f"运行 {summary.get('run_id', '')}",
    )
    create_link_artifact(
        link=index.resolve().as_uri(),
        link_text="打开数据文档",
        key=f"{kind}-data-docs",
        description="审计人员查看的结果页面（本机路径）",
    )
