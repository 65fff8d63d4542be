"""The catalogue as a page of Markdown, for those who want to read what is checked."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.catalogue import Catalogue, Rule

#: Where no rule applies, whatever it says; findings say so in these words.
_EVERYWHERE = (
    "规则所涉的报表都没有金额：零等于零，没有核对任何数字。",
    "该年度尚无所涉的报表（如 2020 年度以前的国有资本经营预算表），或报表没有相应的科目、行、栏。",
    "文字说明或绩效自评表中没有相应的数字。",
    "没有文字说明、绩效自评表可供核对；没有归档上一年度的决算；没有列出所属单位（各按规则所涉）。",
)

_SEVERITY = {"error": "错误", "warn": "提示", "info": "参考"}


def catalogue_page(catalogue: Catalogue) -> str:
    """Every rule by suite: its equation, severity, basis, and when it does not apply."""
    return "\n".join(_lines(catalogue)) + "\n"


def _lines(catalogue: Catalogue) -> Iterator[str]:
    yield "# 勾稽关系目录"
    yield ""
    yield f"规则版本 `{catalogue.version}`，共 {len(catalogue.rules)} 条。"
    yield "本页由下列命令生成，请勿手工修改："
    yield ""
    yield "    juesuan rules --markdown > docs/catalogue.md"
    yield ""
    yield (
        "印出的数字代表其末位小数半个单位的区间，两边区间相交即为相符；读取存疑的数字不作结论；"
        "缺少数字的规则记为“无法判断”，不算通过。“错误”计为公开内容有误；“提示”请先核对所列的"
        "正当理由；“参考”仅作记录。"
    )
    yield ""
    yield "各条规则都不适用于下列情形，以下不再重复："
    yield ""
    yield from (f"{n}. {clause}" for n, clause in enumerate(_EVERYWHERE, start=1))
    for suite in catalogue.suites:
        yield ""
        yield f"## {suite.title}（{len(suite.rules)} 条）"
        for rule in suite.rules:
            yield ""
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.title}"
    yield ""
    severity = _SEVERITY[rule.severity.value]
    yield f"`{rule.id}` · {severity} · {rule.dimension.value} · 版本 {rule.version}"
    yield ""
    yield f"> {rule.equation}"
    yield ""
    yield f"依据：{rule.basis}"
    if rule.not_applicable:
        yield ""
        yield "不适用的情形："
        yield ""
        yield from (f"{n}. {reason}" for n, reason in enumerate(rule.not_applicable, start=1))
    if rule.innocent:
        yield ""
        yield f"请先核对：{rule.innocent}"
