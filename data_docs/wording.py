"""Chinese words for the codes of the warehouse, in the order in which pages list them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SEVERITIES: Final[Mapping[str, str]] = {"error": "错误", "warn": "提示", "info": "说明"}

STATES: Final[Mapping[str, str]] = {
    "exact": "完全相符",
    "within_rounding": "四舍五入范围内相符",
    "fail": "不符",
    "not_evaluable": "无法核对",
    "extraction_suspect": "读取存疑",
    "error": "校验程序出错",
    "not_applicable": "不适用",
}

#: What became of a document where it was published, while it is not simply still there.
STANDINGS: Final[Mapping[str, str]] = {
    "changed": "已被同一网址上的新文件取代",
    "withdrawn": "已撤回",
    "replaced": "已替换",
}

#: Listed apart from the real findings, with what each state means for the reader.
APART: Final[Mapping[str, str]] = {
    "extraction_suspect": (
        "两种独立的读取方法对下列数字看法不一，或数字看起来像读错的。"
        "在人工对照原件之前，不能据此认为披露有误。"
    ),
    "not_evaluable": (
        "所需的表格、数字或文字没有找到或无法辨认，因此没有作出判断，既不算通过也不算错误。"
    ),
    "error": "校验程序本身出错，未能得出结论。请将本页交给运维人员；这不是披露单位的问题。",
    "not_applicable": "本单位或本年度不适用这些核对，不计分。",
}

SEVERITY_NOTES: Final[Mapping[str, str]] = {
    "error": "印出的数字之间的勾稽关系不成立，差额超出四舍五入所能解释的范围。",
    "warn": "很可能有问题，但存在合理例外，请人工核实。",
    "info": "仅供参考，不计分。",
}

SURENESS: Final[Mapping[str, str]] = {
    "sole": "没有同样简单的其他解释",
    "likely": "另有解释，这个最可能",
    "open": "几个数字同样可能",
}

MEASURES: Final[Mapping[str, str]] = {
    "amount": "金额",
    "share": "占比",
    "change_amount": "增减额",
    "change_pct": "增减幅度",
    "completion": "完成比例",
    "budget_initial": "年初预算数",
    "budget_full": "全年预算数",
    "budget_full_year": "全年预算数",
    "variance_pct": "预决算差异率",
    "adjustment_rate": "预算调整率",
    "score_floor": "最低得分",
    "compare": "比较",
    "none": "有无",
    "count": "数量",
    "executed": "执行数",
    "rate": "执行率",
    "target": "目标值",
    "actual": "实际值",
    "weight": "分值",
    "score": "得分",
    "total": "总分",
}

PERFORMANCE_TABLES: Final[Mapping[str, str]] = {
    "unit": "整体自评表",
    "project": "项目自评表",
    "summary": "自评汇总表",
}

#: Why a document or address led to no judged disclosure.
UNJUDGED: Final[Mapping[str, str]] = {
    "unreadable": "无法读取",
    "failed": "抓取失败",
    "refused": "拒绝抓取",
    "blocked": "被网站拦截",
    "final_accounts": "决算但未归入披露",
    "unread": "尚未读取",
    "budget": "预算",
    "performance": "绩效文件",
    "other": "其他文件",
    "skipped": "未下载",
}

UNJUDGED_REASONS: Final[Mapping[str, str]] = {
    "unreadable": "文件无法读取",
    "failed": "请求失败",
    "refused": "按安全或网站规则不予抓取",
    "blocked": "网站要求通过浏览器验证、验证码或登录",
    "final_accounts": "内容是部门决算，但不在任何现行披露之中：已被更换，或未能确定部门和年度",
    "unread": "文件已存档，读取尚未完成",
    "budget": "内容是部门预算，不是决算",
    "performance": "内容是绩效评价文件，不是决算",
    "other": "内容不是部门决算",
    "skipped": "链接未下载",
}

RUN_KINDS: Final[Mapping[str, str]] = {
    "nightly": "每夜运行",
    "rerun": "重新运行",
    "check": "本地核对",
}

RUN_STATES: Final[Mapping[str, str]] = {
    "running": "进行中",
    "completed": "完成",
    "failed": "失败",
}

#: Counts that a run leaves, where a reader wants them.
RUN_COUNTS: Final[Mapping[str, str]] = {
    "sites": "站点",
    "sites_failed": "抓取未计入的站点",
    "requests": "请求",
    "documents": "站点上的文件",
    "documents_fetched": "新抓取的文件",
    "documents_read": "读取的文件",
    "disclosures": "披露",
    "disclosures_judged": "评判的披露",
    "errors": "错误",
    "warnings": "提示",
    "failure": "失败原因",
}

#: One row of a suite's batch stands for this.
GRAINS: Final[Mapping[str, str]] = {"disclosure": "每份披露一行", "code": "每份披露每个科目一行"}

SIDES: Final[Mapping[str, str]] = {"income": "收入", "expense": "支出"}

#: What a document is to its disclosure.
DOCUMENT_ROLES: Final[Mapping[str, str]] = {
    "main": "主文件",
    "tables": "表格附件",
    "narrative": "文字说明",
    "performance": "绩效附件",
    "alternate": "同一内容的另一格式",
}

ROLES: Final[Mapping[str, str]] = {
    "stated": "印出的数",
    "addend": "加",
    "subtrahend": "减",
    "suspect": "可能有误",
}


def word(words: Mapping[str, str], code: object) -> str:
    """The Chinese word, or the code itself where there is none: nothing is hidden."""
    return words.get(str(code), str(code))
