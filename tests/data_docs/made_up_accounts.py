"""A warehouse of made-up departments, laid out as the loader would leave it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from disclosures.forms import expense_classes, forms
from disclosures.model import Side
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CoreFinding,
    CoreJudgement,
    CorePerformance,
    CoreStatement,
    OutValidation,
    RawDocument,
    RawFetch,
    RawReading,
    RawRun,
)

NIGHT = datetime(2026, 3, 2, 18, 5, tzinfo=UTC)
READER = "reader-1"
RULESET = "1.0-abc123"
RUN = "00000000-0000-4000-8000-000000000001"
HOSTILE = '<img src=x onerror="window.pwned=1"></script><script>window.pwned=2</script>\u2028\'"&'

RULES: list[dict[str, Any]] = [
    {
        "id": "01.expense-total",
        "title": "本年支出合计等于各类支出之和",
        "equation": "本年支出合计 = 各功能分类支出之和",
        "severity": "error",
        "dimension": "真实性",
        "basis": "部门决算报表栏次公式",
        "version": 1,
        "forms": ["01"],
    },
    {
        "id": "09.actual-total",
        "title": "“三公”经费合计等于各项之和",
        "equation": "合计 = 因公出国（境）费 + 公务用车购置及运行维护费 + 公务接待费",
        "severity": "warn",
        "dimension": "真实性",
        "basis": "部门决算报表栏次公式",
        "version": 2,
        "forms": ["09"],
    },
    {
        "id": "narrative.share",
        "title": "占比等于部分除以总数",
        "equation": "占比 = 部分 ÷ 总数 × 100%",
        "severity": "info",
        "dimension": "真实性",
        "basis": "文字说明与报表应一致",
        "version": 1,
        "forms": [],
    },
    {
        "id": "complete.nine-forms",
        "title": "九张表齐全",
        "equation": "九张表均已公开，没有数据的表也公开空表并说明",
        "severity": "warn",
        "dimension": "完整性",
        "basis": "地方预决算公开操作规程",
        "version": 1,
        "forms": ["08"],
    },
]

_FUNCTIONAL = [
    ("201", "一般公共服务支出", "1832.46", "351.20"),
    ("20103", "政府办公厅（室）及相关机构事务", "1832.46", "351.20"),
    ("2010301", "行政运行", "1832.46", "0.00"),
    ("2010302", "一般行政管理事务", "0.00", "351.20"),
    ("208", "社会保障和就业支出", "212.08", "0.00"),
    ("20805", "行政事业单位养老支出", "212.08", "0.00"),
    ("2080505", "机关事业单位基本养老保险缴费支出", "141.39", "0.00"),
    ("2080506", "机关事业单位职业年金缴费支出", "70.69", "0.00"),
    ("210", "卫生健康支出", "88.17", "0.00"),
    ("21011", "行政事业单位医疗", "88.17", "0.00"),
    ("2101101", "行政单位医疗", "88.17", "0.00"),
    ("221", "住房保障支出", "163.54", "0.00"),
    ("22102", "住房改革支出", "163.54", "0.00"),
    ("2210201", "住房公积金", "163.54", "0.00"),
]
_ECONOMIC = {
    "301": "工资福利支出", "30101": "基本工资", "30102": "津贴补贴", "30103": "奖金",
    "30107": "绩效工资", "30108": "机关事业单位基本养老保险缴费", "30109": "职业年金缴费",
    "30110": "职工基本医疗保险缴费", "30112": "其他社会保障缴费", "30113": "住房公积金",
    "30199": "其他工资福利支出", "303": "对个人和家庭的补助", "30301": "离休费",
    "30302": "退休费", "30305": "生活补助", "30399": "其他对个人和家庭的补助",
    "302": "商品和服务支出", "30201": "办公费", "30202": "印刷费", "30205": "水费",
    "30206": "电费", "30207": "邮电费", "30209": "物业管理费", "30211": "差旅费",
    "30213": "维修（护）费", "30215": "会议费", "30216": "培训费", "30217": "公务接待费",
    "30228": "工会经费", "30229": "福利费", "30231": "公务用车运行维护费",
    "30239": "其他交通费用", "30299": "其他商品和服务支出", "307": "债务利息及费用支出",
    "30701": "国内债务付息", "310": "资本性支出", "31002": "办公设备购置",
    "31003": "专用设备购置", "31013": "公务用车购置", "399": "其他支出",
}  # fmt: skip


def sha_of(number: int, part: str = "main") -> str:
    return hashlib.sha256(f"{number}/{part}".encode()).hexdigest()


def disclosure_id_of(number: int) -> str:
    return f"d{number:05d}"


def archived_as(sha256: str, suffix: str = ".pdf") -> str:
    return f"{sha256[:2]}/{sha256}{suffix}"


def _cells(grave: bool) -> Iterator[dict[str, Any]]:
    """The nine forms of one department; a grave one prints a wrong total and a wrong part."""

    def cell(
        form: str, row: str, column: str, text: str, name: str, page: int, **more: Any
    ) -> dict[str, Any]:
        plain = text.replace(",", "")
        return {
            "form": form,
            "side": "",
            "row": row,
            "column": column,
            "name": name,
            "text": text,
            "amount_wan": Decimal(plain) if plain else None,
            "decimals": 2 if plain else None,
            "state": "read" if plain else "blank",
            "page": page,
            "line": None,
            "code": None,
            "unit": "万元",
            "readers": ["tablers", "tabula"],
            "agreed": True,
            "note": None,
            "bbox": [40.0, 60.0, 90.0, 70.0],
        } | more

    def amount(base: str) -> str:
        return f"{Decimal(base):,.2f}"

    classes = {code: amount(basic) for code, _, basic, _ in _FUNCTIONAL if len(code) == 3}
    total = f"{sum(Decimal(v.replace(',', '')) for v in classes.values()):,.2f}"
    for form_key, page in (("01", 4), ("04", 8)):
        form = forms()[form_key]
        for side in (Side.INCOME, Side.EXPENSE):
            columns = form.column_keys(side)
            for place, line in enumerate(form.lines_of(side), start=1):
                known = next((c for c in expense_classes() if c.code == line.key), None)
                name = f"{known.ordinal}、{line.title}" if known and known.ordinal else line.title
                text = classes.get(line.key, "0.00" if place % 3 else "")
                if line.role in ("subtotal", "grand_total") or line.key == "general_budget":
                    text = total
                if grave and (form_key, line.key) == ("01", "expense_total"):
                    text = "2,297.25"
                for column in columns:
                    shown = text if column in ("amount", "total", "general_budget") else ""
                    yield cell(
                        form_key, line.key, column, shown, name, page,
                        side=side.value, line=str(place + (30 if side is Side.EXPENSE else 0)),
                        code=known.code if known else None,
                    )  # fmt: skip
    for form_key, page in (("02", 5), ("03", 6), ("05", 9), ("07", 11)):
        columns = forms()[form_key].column_keys()
        rows = [("total", "合计", "2296.25", "351.20"), *_FUNCTIONAL]
        for code, name, basic, project in rows if form_key != "07" else rows[:1]:
            for column in columns:
                text = {"basic": amount(basic), "project": amount(project)}.get(column, "")
                if column in ("total", "appropriation"):
                    text = amount(str(Decimal(basic) + Decimal(project)))
                if form_key == "07":
                    text = ""
                yield cell(form_key, code, column, text, name, page,
                           code=None if code == "total" else code)  # fmt: skip
    for place, (code, name) in enumerate(_ECONOMIC.items()):
        text = amount(f"{(place * 7919) % 611}.{place % 90:02d}") if place % 4 else "0.00"
        yield cell("06", code, "amount", text, name, 10, code=code)
    yield cell("06", "personnel_total", "amount", amount("1911.40"), "人员经费合计", 10)
    yield cell("06", "public_total", "amount", amount("384.85"), "公用经费合计", 10)
    for column in forms()["09"].column_keys():
        text = {"total": "24.31", "vehicles": "19.80", "vehicle_operation": "19.80",
                "hospitality": "4.51"}.get(column.split(".")[1], "0.00")  # fmt: skip
        if grave and column == "actual.vehicles":
            text = "19.85"
        yield cell("09", "only", column, text, "", 12)


def _reading_forms(complete: bool = True) -> list[dict[str, Any]]:
    pages = {"01": 4, "02": 5, "03": 6, "04": 8, "05": 9, "06": 10, "07": 11, "09": 12}
    return [
        {"form": key, "title": forms()[key].title, "pages": [page], "unit": "万元",
         "variant": "central", "declared_empty": key == "07", "complete": complete,
         "notes": ["本单位没有政府性基金预算财政拨款收支，故本表为空表。"] if key == "07" else []}
        for key, page in pages.items()
    ]  # fmt: skip


def operand(
    form: str | None, row: str, column: str, name: str, amount: str | None,
    *, side: str = "", role: str = "addend", page: int | None = 4, sha256: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "form": form, "side": side or None, "row": row, "column": column, "name": name,
        "text": amount or "", "amount_wan": amount, "page": page, "sha256": sha256, "role": role,
    }  # fmt: skip


def _findings(number: int, grave: bool) -> Iterator[dict[str, Any]]:
    sha256 = sha_of(number)
    if grave:
        yield {
            "rule": "01.expense-total", "subject": "本年支出合计", "severity": "error",
            "state": "fail", "form": "01", "page": 4, "sha256": sha256,
            "stated_wan": Decimal("2297.25"), "computed_wan": Decimal("2296.25"),
            "difference_wan": Decimal("1.00"), "tolerance_wan": Decimal("0.025"),
            "message": "本年支出合计印为2297.25万元，各类支出相加为2296.25万元，相差1.00万元。",
            "quote": None,
            "operands": [
                operand("01", "expense_total", "amount", "本年支出合计", "2297.25",
                        side="expense", role="stated", sha256=sha256),
                operand("01", "201", "amount", "一般公共服务支出", "1832.46",
                        side="expense", sha256=sha256),
                operand("01", "208", "amount", "社会保障和就业支出", "212.08",
                        side="expense", sha256=sha256),
                operand("01", "210", "amount", "卫生健康支出", "88.17",
                        side="expense", sha256=sha256),
                operand("01", "221", "amount", "住房保障支出", "163.54",
                        side="expense", sha256=sha256),
                operand("01", "202", "amount", "外交支出", "0.00",
                        side="expense", sha256=sha256),
            ],
        }  # fmt: skip
        yield {
            "rule": "09.actual-total", "subject": "决算数", "severity": "warn", "state": "fail",
            "form": "09", "page": 12, "sha256": sha256, "stated_wan": Decimal("24.31"),
            "computed_wan": Decimal("24.36"), "difference_wan": Decimal("-0.05"),
            "tolerance_wan": Decimal("0.015"), "quote": None,
            "message": "决算数合计印为24.31万元，各项相加为24.36万元，相差-0.05万元。",
            "operands": [
                operand("09", "only", "actual.total", "合计", "24.31", role="stated", page=12),
                operand("09", "only", "actual.vehicles", "公务用车购置及运行维护费", "19.85",
                        page=12),
                operand("09", "only", "actual.hospitality", "公务接待费", "4.51", page=12),
            ],
        }  # fmt: skip
        yield {
            "rule": "06.public-total", "subject": "公用经费合计", "severity": "error",
            "state": "extraction_suspect", "form": "06", "page": 10, "sha256": sha256,
            "stated_wan": None, "computed_wan": None, "difference_wan": None,
            "tolerance_wan": None, "quote": None,
            "message": "两种读取方法对“办公费”一格读出不同的数。",
            "operands": [operand("06", "30201", "amount", "办公费", None, page=10)],
        }  # fmt: skip
    yield {
        "rule": "narrative.share", "subject": "基本支出占比", "severity": "info", "state": "fail",
        "form": None, "page": 14, "sha256": sha256, "stated_wan": None, "computed_wan": None,
        "difference_wan": None, "tolerance_wan": None,
        "message": "文字称基本支出占86.0%，按所列金额计算为86.7%。",
        "quote": "基本支出2296.25万元，占86.0%；", "operands": [],
    }  # fmt: skip
    yield {
        "rule": "complete.nine-forms", "subject": "08", "severity": "warn",
        "state": "not_evaluable", "form": "08", "page": None, "sha256": None, "stated_wan": None,
        "computed_wan": None, "difference_wan": None, "tolerance_wan": None, "quote": None,
        "message": "没有找到国有资本经营预算财政拨款支出决算表，无法判断是否应为空表。",
        "operands": [],
    }  # fmt: skip
    for place in range(3):
        yield {
            "rule": f"07.check-{place}", "subject": "", "severity": "error",
            "state": "not_applicable", "form": "07", "page": 11, "sha256": sha256,
            "stated_wan": None, "computed_wan": None, "difference_wan": None,
            "tolerance_wan": None, "quote": None, "message": "表07注明为空表。", "operands": [],
        }  # fmt: skip


_REGIONS = [
    ("浙江省临溪市", "330999"), ("河南省沙河县", "411999"), ("江苏省东台区", "320998"),
    ("四川省北山市", "510997"),
]  # fmt: skip
_AGENCIES = ["财政局", "教育局", "民政局", "交通运输局", "自然资源和规划局", "人民政府办公室"]


def fill(engine: Engine, count: int, *, archive: Path | None = None, hostile: int = 0) -> None:
    """Write ``count`` disclosures; every fifth has errors, the first ``hostile`` have payloads."""
    with Session(engine) as session:
        _add_run(session)
        for start in range(0, count, 50):
            for number in range(start, min(start + 50, count)):
                _add_disclosure(session, number, archive, hostile=number < hostile)
            session.commit()
        _add_apart(session, archive, hostile=hostile > 0)
        session.commit()


def _add_run(session: Session) -> None:
    session.add(
        RawRun(
            run_id=RUN, kind="nightly", started_at=NIGHT, finished_at=NIGHT + timedelta(minutes=7),
            state="completed", parameters={}, code_version="0.1.0", ruleset=RULESET,
            reader_version=READER, flow_run_id=None,
            summary={
                "documents": 12, "failed_sites": {"bei-shan": "找到 2 个文件，少于下限 5"},
            },
        )
    )  # fmt: skip
    session.flush()
    for suite, unexpected in (("within_forms", 2), ("between_forms", 0)):
        session.add(
            OutValidation(
                run_id=RUN, suite=suite, batch="2026-03-02/临溪", ruleset=RULESET,
                validated_at=NIGHT + timedelta(minutes=6), success=not unexpected, rows=6,
                results=[
                    {"rule": "01.expense-total", "columns": ["01.expense_total", "01.201"],
                     "evaluated": 6, "unexpected": unexpected, "missing": 0, "exception": None},
                    {"rule": "09.actual-total", "columns": ["09.actual.total"],
                     "evaluated": 5, "unexpected": 0, "missing": 1, "exception": None},
                ],
            )
        )  # fmt: skip
    session.flush()


def _store(archive: Path | None, path: str, body: bytes) -> None:
    if archive is not None:
        target = archive / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)


def _add_disclosure(session: Session, number: int, archive: Path | None, hostile: bool) -> None:
    region, region_code = _REGIONS[number % len(_REGIONS)]
    agency = f"{region[3:]}{_AGENCIES[number % len(_AGENCIES)]}"
    if number >= len(_AGENCIES) * 2:
        agency += f"第{number}所"
    if hostile:
        agency += HOSTILE
    sha256, disclosure_id = sha_of(number), disclosure_id_of(number)
    grave = number % 5 == 0
    url = f"https://www.linxi.example.gov.cn/art/2024/9/{number % 28 + 1}/art_{number}.pdf"
    _store(archive, archived_as(sha256), _minimal_pdf(16))
    session.add_all(
        [
            RawDocument(
                sha256=sha256, media_type="application/pdf", size_bytes=412_903,
                archived_as=archived_as(sha256), first_seen_at=NIGHT, site="linxi",
                url="javascript:window.pwned=3" if hostile else url,
                file_name=f"{agency}2023年度部门决算.pdf", run_id=RUN,
            ),
            RawFetch(
                fetch_id=f"f{number}", run_id=RUN, site="linxi",
                url="javascript:window.pwned=4" if hostile else url, role="document",
                outcome="new", status=200, fetched_at=NIGHT, sha256=sha256,
                media_type="application/pdf", size_bytes=412_903, headers={},
                article_title=f"{agency}2023年度部门决算",
                found_on=f"https://www.linxi.example.gov.cn/art/{number}.html",
            ),
            CoreDisclosure(
                disclosure_id=disclosure_id, site="linxi", region=region, region_code=region_code,
                agency=agency, year=2023 - number % 3, published_on="2024-09-06",
                version=f"v-{number}", current=True, run_id=RUN,
            ),
        ]
    )  # fmt: skip
    session.flush()
    session.add_all(
        [
            RawReading(
                sha256=sha256, reader_version=READER, kind="final_accounts", reason=None,
                agency=agency, year=2023, unit="万元", title=None, pages=16,
                forms=_reading_forms(), sections=[], readers={"tablers": "0.1", "tabula": "2.10"},
                notes=[HOSTILE] if hostile else [], statements=2, performance=1, stated=[],
                digest=f"digest-{number}", seconds=1.0, read_at=NIGHT, run_id=RUN,
            ),
            CoreDisclosureDocument(
                disclosure_id=disclosure_id, sha256=sha256, role="main", narrative=True,
                forms=["01", "02", "03", "04", "05", "06", "07", "09"], ordinal=0,
                reader_version=READER, run_id=RUN,
            ),
        ]
    )  # fmt: skip
    session.execute(
        insert(CoreFact),
        [
            cell
            | {"sha256": sha256, "reader_version": READER, "ordinal": ordinal, "run_id": RUN}
            | _odd(cell)
            for ordinal, cell in enumerate(_cells(grave))
        ],
    )
    for ordinal, (subject, measure, value, unit, quote) in enumerate(
        [
            ("支出总计", "amount", "2647.45", "万元", "2023年度支出总计2647.45万元。"),
            ("基本支出", "share", "86.0", "%", "基本支出2296.25万元，占86.0%；"),
        ]
    ):
        session.add(
            CoreStatement(
                sha256=sha256, reader_version=READER, ordinal=ordinal, section="支出决算情况说明",
                subject=HOSTILE if hostile else subject, measure=measure, value=value, unit=unit,
                quote=quote, page=14, direction=None, versus=None, run_id=RUN,
            )
        )  # fmt: skip
    session.add(
        CorePerformance(
            sha256=sha256, reader_version=READER, ordinal=0, table="project", project="档案数字化",
            indicator="资金", measure="executed", value="5.00", unit="万元", text="5.00", page=15,
            run_id=RUN,
        )
    )  # fmt: skip
    findings = list(_findings(number, grave))
    states = [finding["state"] for finding in findings]
    session.flush()
    session.add(
        CoreJudgement(
            disclosure_id=disclosure_id, version=f"v-{number}", ruleset=RULESET, judged_at=NIGHT,
            score="98.8" if grave else "99.1", grade="C" if grave else "A",
            capped={"earned": "A", "caps": [
                {"best_grade": "C", "reason": "有错误级问题"},
                {"best_grade": "B", "reason": "能检查的项目不足六成"},
            ] if grave else []},
            dimensions={
                "完整性": _dimension("100.0", 25, 8, 8),
                "细化程度": _dimension("100.0", 15, 2, 2),
                "及时性": _dimension(None, 10, 0, 0),
                "公开方式": _dimension("100.0", 10, 1, 1),
                "真实性": _dimension("97.2" if grave else "98.0", 40, 120, 117, [
                    {"rule": "01.expense-total", "passed": 0, "evaluated": 1,
                     "lost_points": "2.3"},
                    {"rule": "09.actual-total", "passed": 1, "evaluated": 2,
                     "lost_points": "0.5"},
                ] if grave else []),
            },
            coverage="94.53",
            checks={"exact": 110, "within_rounding": 12,
                    **{state: states.count(state) for state in sorted(set(states))}},
            digest=f"judged-{number}", run_id=RUN,
        )
    )  # fmt: skip
    session.flush()
    for finding in findings:
        if hostile:
            finding["message"] += HOSTILE
            finding["quote"] = HOSTILE
        session.add(
            CoreFinding(
                disclosure_id=disclosure_id, version=f"v-{number}", ruleset=RULESET, run_id=RUN,
                **finding,
            )
        )  # fmt: skip


def _dimension(
    score: str | None, weight: int, evaluated: int, passed: int, rules: Sequence[Any] = ()
) -> dict[str, Any]:
    return {
        "score": score, "weight": weight, "evaluated": evaluated, "passed": passed,
        "not_evaluated": 1, "rules": list(rules),
    }  # fmt: skip


def _odd(cell: dict[str, Any]) -> dict[str, Any]:
    if (cell["form"], cell["row"]) == ("06", "30201"):
        return {"agreed": False, "note": "tablers 读作 12.80，tabula 读作 12.60"}
    if (cell["form"], cell["row"], cell["column"]) == ("03", "2101101", "project"):
        return {"state": "unreadable", "text": "0.0O", "amount_wan": None, "decimals": None}
    return {}


def _add_apart(session: Session, archive: Path | None, hostile: bool) -> None:
    """Documents of other kinds, and addresses that gave nothing."""
    apart: Sequence[tuple[str, str, str | None, str]] = [
        ("budget", "2024年部门预算.pdf", "标题与表格为部门预算", ".pdf"),
        ("other", "关于批复决算的通知.pdf", "通知，没有决算表", ".pdf"),
        ("unreadable", "决算公开.pdf", "文件在第3页处截断", ".pdf"),
        ("other", "网页另存.pdf", "网页，文件名却是 .pdf", ".html"),
        ("unread", "刚取得的文件.pdf", None, ".pdf"),
    ]
    for place, (kind, file_name, reason, suffix) in enumerate(apart):
        sha256 = sha_of(place, "apart")
        body = b"<script>alert(1)</script>" if suffix == ".html" else _minimal_pdf(1)
        _store(archive, archived_as(sha256, suffix), body)
        session.add(
            RawDocument(
                sha256=sha256, media_type="application/pdf", size_bytes=1000,
                archived_as=archived_as(sha256, suffix), first_seen_at=NIGHT, site="linxi",
                url=f"https://www.linxi.example.gov.cn/{place}.pdf",
                file_name=file_name + (HOSTILE if hostile else ""), run_id=RUN,
            )
        )  # fmt: skip
        session.flush()
        if kind != "unread":
            session.add(
                RawReading(
                    sha256=sha256, reader_version=READER, kind=kind, reason=reason, agency=None,
                    year=2024, unit=None, title=None, pages=0, forms=[], sections=[], readers={},
                    notes=[], statements=0, performance=0, stated=[], digest=f"apart-{place}",
                    seconds=0.1, read_at=NIGHT, run_id=RUN,
                )
            )  # fmt: skip
    for fetch_id, outcome, at, url, reason, status in (
        ("x1", "new", NIGHT - timedelta(days=2), "https://dead.example.gov.cn/a.pdf", None, 200),
        ("x2", "failed", NIGHT, "https://dead.example.gov.cn/a.pdf", "链接失效", 404),
        ("x3", "failed", NIGHT - timedelta(days=2), "https://dead.example.gov.cn/b.pdf", "x", 503),
        ("x4", "new", NIGHT, "https://dead.example.gov.cn/b.pdf", None, 200),
        ("x5", "refused", NIGHT, "http://10.0.0.8/c.pdf", "不访问内网地址", None),
        ("x6", "skipped", NIGHT, "javascript:window.pwned=5", "链接不是网址", None),
        ("x7", "blocked", NIGHT, "https://dead.example.gov.cn/d.pdf", "要求滑块验证", None),
        # Its archived body stands for the answer.
        ("x8", "skipped", NIGHT, "https://dead.example.gov.cn/e.html", "仍在复查期内", None),
    ):
        session.add(
            RawFetch(
                fetch_id=fetch_id, run_id=RUN, site="bei-shan", url=url, role="document",
                outcome=outcome, status=status, reason=reason, fetched_at=at, headers={},
                link_text="部门决算公开", sha256="e" * 64 if fetch_id == "x8" else None,
            )
        )  # fmt: skip


def _minimal_pdf(pages: int) -> bytes:
    """A valid PDF with numbered pages, to be opened beside the findings."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages))
    objects.append(f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode())
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {5 + 2 * page} 0 R"
            "/Resources<</Font<</F 3 0 R>>>>>>".encode()
        )
        content = f"BT /F 40 Tf 200 600 Td (page {page + 1}) Tj ET".encode()
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    body, offsets = b"%PDF-1.4\n", []
    for number, entry in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, entry)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return body + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
