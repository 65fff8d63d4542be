"""OFD documents made here by the standard's words: text objects, and ruling lines as paths."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from disclosures.amounts import CellState
from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.readers.ofd_reader import OfdReader
from disclosures.reading.sniff import MediaType

NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
HEAD = ("科目编码", "科目名称", "本年支出合计", "基本支出", "项目支出")
ROWS = (
    ("", "合计", "100.50", "60.25", "40.25"),
    ("208", "社会保障和就业支出", "30.00", "30.00", ""),
    ("20805", "行政事业单位养老支出", "30.00", "30.00", ""),
    ("213", "农林水支出", "70.50", "30.25", "40.25"),
)
LEFTS = (20.0, 45.0, 105.0, 135.0, 160.0, 190.0)
TOP, HIGH = 60.0, 8.0


def text(x: float, y: float, words: str, size: float = 3.5) -> str:
    """A text object; its letters stand ``size`` apart, digits half of that."""
    steps = " ".join(f"{size if not c.isascii() else size / 2:g}" for c in words[:-1])
    delta = f' DeltaX="{steps}"' if steps else ""
    return (
        f'<ofd:TextObject ID="1" Boundary="{x} {y} 150 6" Font="1" Size="{size}">'
        f'<ofd:TextCode X="0" Y="{size}"{delta}>{escape(words)}</ofd:TextCode></ofd:TextObject>'
    )


def line(x0: float, y0: float, x1: float, y1: float) -> str:
    return (
        f'<ofd:PathObject ID="2" Boundary="{x0} {y0} {x1 - x0 + 1} {y1 - y0 + 1}">'
        f"<ofd:AbbreviatedData>M 0 0 L {x1 - x0} {y1 - y0}</ofd:AbbreviatedData></ofd:PathObject>"
    )


def form_page() -> str:
    rows: Sequence[Sequence[str]] = (HEAD, *ROWS)
    bottom = TOP + HIGH * len(rows)
    objects = [
        text(40, 20, "某市某局2023年度部门决算", 6),
        text(40, 35, "一般公共预算财政拨款支出决算表", 5),
        text(20, 50, "部门：某市某局"),
        text(160, 50, "单位：万元"),
    ]
    objects += [line(LEFTS[0], TOP + HIGH * n, LEFTS[-1], TOP + HIGH * n) for n in range(6)]
    objects += [line(x, TOP, x, bottom) for x in LEFTS]
    objects += [
        text(LEFTS[column] + 1, TOP + HIGH * number + 2, cell)
        for number, row in enumerate(rows)
        for column, cell in enumerate(row)
        if cell
    ]
    return "".join(objects)


def ofd(page: str, *, template: str = "") -> bytes:
    def layer(objects: str, use: str = "") -> str:
        return (
            f"<ofd:Page {NAMESPACE}>{use}<ofd:Content><ofd:Layer ID='9'>{objects}</ofd:Layer>"
            "</ofd:Content></ofd:Page>"
        )

    common = '<ofd:TemplatePage ID="7" BaseLoc="Tpls/Tpl_0/Content.xml"/>' if template else ""
    files = {
        "OFD.xml": f"<ofd:OFD {NAMESPACE}><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml"
        "</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f"<ofd:Document {NAMESPACE}><ofd:CommonData>{common}"
        '</ofd:CommonData><ofd:Pages><ofd:Page ID="3" BaseLoc="Pages/Page_0/Content.xml"/>'
        "</ofd:Pages></ofd:Document>",
        "Doc_0/Pages/Page_0/Content.xml": layer(
            page, '<ofd:Template TemplateID="7"/>' if template else ""
        ),
    }
    if template:
        files["Doc_0/Tpls/Tpl_0/Content.xml"] = layer(template)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return body.getvalue()


def test_a_form_is_read_from_lines_and_text_objects(tmp_path: Path) -> None:
    path = tmp_path / "accounts.ofd"
    path.write_bytes(ofd(form_page()))
    reading = read_document(path)
    assert (reading.media_type, reading.kind) == (MediaType.OFD, DocumentKind.FINAL_ACCOUNTS)
    assert (reading.agency, reading.year, reading.pages) == ("某市某局", 2023, 1)
    assert reading.form_keys == ("05",)
    facts = {(fact.row, fact.column): fact for fact in reading.facts}
    assert facts["total", "total"].amount_wan == Decimal("100.50")
    assert facts["213", "project"].amount_wan == Decimal("40.25")
    assert facts["208", "project"].state is CellState.BLANK
    fact = facts["213", "project"]
    assert fact.page == 1
    assert fact.bbox is not None
    # Boxes are points: the cell lies between the fifth and sixth upright line.
    assert fact.bbox[0] == pytest.approx(LEFTS[4] * 72 / 25.4, abs=0.1)
    assert len(facts) == 3 * len(ROWS)


def test_templates_lie_below_their_pages(tmp_path: Path) -> None:
    path = tmp_path / "template.ofd"
    path.write_bytes(ofd(text(20, 60, "正文"), template=text(20, 20, "页眉")))
    assert OfdReader().read(path).texts[0].text == "页眉\n正文"


def test_without_text_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "scan.ofd"
    path.write_bytes(ofd(line(10, 10, 90, 10)))
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "没有文字" in (reading.reason or "")


def test_a_reference_to_nothing_is_damage(tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as package:
        package.writestr(
            "OFD.xml", f"<ofd:OFD {NAMESPACE}><ofd:DocRoot>none.xml</ofd:DocRoot></ofd:OFD>"
        )
    path = tmp_path / "broken.ofd"
    path.write_bytes(body.getvalue())
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "损坏" in (reading.reason or "")
