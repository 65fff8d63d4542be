"""What auditors read: names of figures and the sentences of findings, in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from disclosures.amounts import from_ticks
from disclosures.forms import forms
from disclosures.model import Side
from disclosures.verdicts import Sureness, Suspect
from expectations.catalogue import Instance
from warehouse.addresses import Address, Gap

_GAPS = {
    Gap.FORM_ABSENT: "未读到《{form}》",
    Gap.FORM_NOT_YET: "该年度尚无《{form}》",
    Gap.UNREADABLE: "《{form}》有数字未能可靠读取（{place}）",
    Gap.ROW_ABSENT: "《{form}》未见“{row}”行",
    Gap.COLUMN_ABSENT: "《{form}》未见“{column}”栏",
    Gap.INCOMPLETE: "《{form}》未能完整读取",
    Gap.UNKNOWN_LINE: "《{form}》有未能识别的行",
    Gap.NOT_LISTED: "《{form}》未列示{row}",
    Gap.NO_CHILDREN: "《{form}》没有下级科目或数据",
    Gap.OTHER_KIND: "科目不在《{form}》的范围内",
    Gap.FILLED: "《{form}》列有数字",
    Gap.UNKNOWN: "缺少判断所需的资料",
}


def wan(ticks: int) -> str:
    """An amount in 万元 with at least two decimals."""
    value = from_ticks(ticks)
    return f"{value:f}"


def row_title(address: Address, code: str | None = None, name: str | None = None) -> str:
    """The row of an address as the form prints it; ``code`` for rows of the grain ``code``."""
    form = forms()[address.form]
    side = Side(address.side) if address.side else None
    if address.row in ("each", "children") and code is not None:
        if code != "total":
            title = f"{code} {name}" if name else code
        else:
            title = "本年支出合计" if address.side else "合计"
        return f"{title}的下级科目" if address.row == "children" else title
    if address.row == "items":
        return "各项收入" if side is Side.INCOME else "各类支出"
    if address.row.startswith("top"):
        return "各类科目"
    line = next((x for x in form.lines_of(side) if x.key == address.row), None)
    if line is None:
        return f"{address.row} {name}" if name else address.row
    if address.row.startswith("opening_"):
        return line.title if address.row == "opening_balance" else f"年初{line.title}结转和结余"
    if line.key == "grand_total" and side is not None:
        return "收入总计" if side is Side.INCOME else "支出总计"
    return line.title


def column_title(address: Address) -> str:
    """The column of an address; empty where the form has a single one."""
    form = forms()[address.form]
    side = Side(address.side) if address.side else None
    group_key, _, key = address.column.rpartition(".")
    columns = form.columns_of(side)
    if len(columns) == 1:
        return ""
    column = next(c for c in columns if c.key == key)
    title = column.title
    if column.under and column.under not in title:
        title = column.under if title == "小计" else title
    group = next((g.title for g in form.groups if g.key == group_key), "")
    return f"{title}{group}"


def figure(address: Address, code: str | None = None, name: str | None = None) -> str:
    """《form》row, column."""
    row, column = row_title(address, code, name), column_title(address)
    return f"《{forms()[address.form].title}》{place(row, column)}"


def place(row: str, column: str) -> str:
    """Row and column together, without repeating a word."""
    if not row or not column or row == column:
        return row or column
    if row == "合计":
        return f"“{column}”栏合计"
    return f"“{row}”行“{column}”栏"


def subject(instance: Instance, code: str | None = None) -> str:
    """What a finding is about, the same in every reading: row and column without printed names.

    Unique among the instances of a rule.
    """
    if instance.stated is None:
        parts = [forms()[v].title if v in forms() else v for v in instance.expansion]
        return "／".join([*parts, *((code,) if code else ())]) or "整体"
    row, column = row_title(instance.stated, code), column_title(instance.stated)
    return "／".join(dict.fromkeys(part for part in (row, column) if part))


def gap(address: Address, why: Gap, code: str | None = None) -> str:
    """Why a figure is not known."""
    row = row_title(address, code)
    column = column_title(address)
    return _GAPS[why].format(
        form=forms()[address.form].title,
        row=row,
        column=column or "金额",
        place=place(row, column),
    )


def form_gap(form: str, why: Gap) -> str:
    """Why a question, about a form or about none, has no answer."""
    title = forms()[form].title if form in forms() else ""
    return _GAPS[why].format(form=title, row="", column="", place="")


_UNJUDGED = "：未能检查。"
_NOT_READ = re.compile(r"未读到《([^》]+)》")
#: Rules that miss the same are told in one line from this many on.
_FOLDED = 3

T = TypeVar("T")


def unjudged(title: str, state: str, reasons: Sequence[str]) -> str:
    """What is said of a rule that was not judged; ``state`` says in what way (Chinese)."""
    shown = "；".join(reasons[:5]) + ("；等" if len(reasons) > 5 else "")
    return f"{title}：{state}。{shown}。"


@dataclass(frozen=True)
class Fold(Generic[T]):
    """Findings of rules that could not be judged for one and the same ``reason``."""

    reason: str
    findings: tuple[T, ...]


def folded(findings: Iterable[tuple[T, str]]) -> tuple[list[Fold[T]], list[T]]:
    """Findings of rules that could not be judged, with their messages, by what was missing: those
    that lack forms together, those that share another reason together, the rest one by one."""
    lacking: list[T] = []
    absent: dict[str, None] = {}
    by_reason: dict[str, list[T]] = {}
    for finding, message in findings:
        reason = message.partition(_UNJUDGED)[2].rstrip("。")
        parts = [part for part in reason.split("；") if part != "等"]
        if parts and all(_NOT_READ.fullmatch(part) for part in parts):
            lacking.append(finding)
            absent.update(dict.fromkeys(_NOT_READ.findall(reason)))
        else:
            # "基本支出：…" names the figure; what is missing stands behind it.
            by_reason.setdefault(reason.partition("：")[2] or reason, []).append(finding)
    folds: list[Fold[T]] = []
    rest: list[T] = []
    if len(lacking) >= _FOLDED:
        order = [form.title for form in forms().values()]
        titles = sorted(absent, key=lambda t: order.index(t) if t in order else len(order))
        all_of_them = "（九张表都没有读到）" if set(titles) == set(order) else ""
        folds.append(
            Fold("未读到" + "".join(f"《{t}》" for t in titles) + all_of_them, tuple(lacking))
        )
    else:
        rest += lacking
    for reason, several in by_reason.items():
        if len(several) >= _FOLDED and reason:
            folds.append(Fold(reason, tuple(several)))
        else:
            rest += several
    return folds, rest


def violation(
    instance: Instance,
    *,
    code: str | None,
    name: str | None,
    stated: int,
    computed: int,
    tolerance: int,
    blank: bool,
) -> str:
    """The sentence of a violated identity; amounts in ticks."""
    assert instance.stated is not None
    what = figure(instance.stated, code, name)
    shown = "空白（按 0 计）" if blank else f" {wan(stated)} 万元"
    how = instance.rule.computed_as
    allowed = f"超出四舍五入允许的 {wan(tolerance)} 万元"
    apart = wan(abs(stated - computed))
    if instance.rule.relation == "at_most":
        return f"{what}为{shown}，小于{how}的 {wan(computed)} 万元，少 {apart} 万元，{allowed}。"
    return f"{what}为{shown}，{how}为 {wan(computed)} 万元，相差 {apart} 万元，{allowed}。"


def cell_figure(key: tuple[str, str, str, str], name: str | None) -> str:
    """《form》row, column of one cell; ``key`` is form, side, row and column."""
    form, side, row, column = key
    address = Address(form, side, row, column)
    shown = place(row_title(address, None, name), column_title(address))
    return (
        f"《{forms()[form].title}》{shown}"
        if row != "only"
        else (f"《{forms()[form].title}》“{column_title(address)}”")
    )


_SURENESS = {
    Sureness.SOLE: "最可能有误的数字（没有同样简单的其他解释）",
    Sureness.LIKELY: "最可能有误的数字",
    Sureness.OPEN: "可能有误的数字之一",
}
#: Equally possible figures that a sentence names.
_NAMED = 4


def cause(
    suspects: Sequence[Suspect],
    *,
    explained: int,
    sureness: Sureness,
    together: int,
    reader: str | None,
    doubtful: bool,
    alternative: bool,
) -> str:
    """The headline of a cause: the figure, what would repair it, and what then holds."""
    first = suspects[0]
    start = "另一种同样简单的解释：" if alternative else ""
    rest = f"（连同其余 {together - 1} 个数字一并更正）" if together > 1 else ""
    sentence = (
        f"{start}{_SURENESS[sureness]}：{_suspect(first)}，若为 {_repaired(first)} 万元{rest}，"
        f"则所列 {explained} 项核对全部成立。"
    )
    if reader is not None:
        return f"{sentence}读取程序 {reader} 看到的正是这个数，属于读取有误，不是公开有误。"
    if doubtful:
        sentence += "各读取程序对这个数字的结果不一致，可能是读取有误，请对照原文。"
    if first.reasons:
        sentence += f"依据：{'，'.join(first.reasons)}。"
    if len(suspects) > 1:
        # Expenditure below zero is rare: what would have to be is counted, and named last.
        likely = [one for one in suspects[1:] if not _turns_negative(one)] or suspects[1:]
        others = "；".join(f"{_suspect(one)}若为 {_repaired(one)} 万元" for one in likely[:_NAMED])
        more = f"；等 {len(suspects) - 1} 个" if len(suspects) > len(likely[:_NAMED]) + 1 else ""
        sentence += f"改动另一个数字也能成立：{others}{more}。"
    return sentence


def _suspect(one: Suspect) -> str:
    operand = one.operand
    key = (operand.form or "", operand.side or "", operand.row, operand.column)
    printed = "空白" if operand.amount_wan is None else f"{operand.amount_wan:f} 万元"
    shown = "未列示" if operand.sha256 is None else f"为{printed}"
    return f"{cell_figure(key, operand.name or None)}{shown}"


def _turns_negative(one: Suspect) -> bool:
    return one.repair_wan < 0 <= (one.operand.amount_wan or 0)


def _repaired(one: Suspect) -> str:
    if one.low_wan is None and one.high_wan is not None:
        return f"{one.high_wan:f} 以下"
    if one.high_wan is None and one.low_wan is not None:
        return f"{one.low_wan:f} 以上"
    return f"{one.repair_wan:f}"


def amount(ticks: int) -> Decimal:
    """Ticks as 万元."""
    return from_ticks(ticks)
