from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import jpype
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import typst
from PIL import Image

from disclosures.model import DocumentKind, Fact, Reading, Side
from disclosures.reading import read_document
from disclosures.reading.readers.base import place_cells
from disclosures.reading.readers.pdfplumber_reader import PdfplumberReader
from disclosures.reading.readers.tablers_reader import TablersReader
from disclosures.reading.readers.tabula_reader import TabulaReader
from disclosures.reading.sniff import MediaType
from disclosures.rendering import load_figures, render
from disclosures.rendering.synthetic import synthetic_figures

EXAMPLE = Path(__file__).parents[1] / "rendering" / "example.yaml"
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "real"

HEAD = ("科目编码", "科目名称", "本年支出合计", "基本支出", "项目支出")
ROWS = (
    ("", "合计", "1,100.50", "60.25", "1,040.25"),
    ("208", "社会保障和就业支出", "30.00", "30.00", "0.00"),
    ("20805", "行政事业单位养老支出", "30.00", "30.00", ""),
    ("2080505", "机关事业单位基本养老保险缴费支出", "30.00", "30.00", ""),
    ("213", "农林水支出", "1,070.50", "30.25", "1,040.25"),
    ("21301", "农业农村", "1,070.50", "30.25", "1,040.25"),
    ("2130101", "行政运行", "1,070.50", "30.25", "1,040.25"),
)
COVER = "某市某局2023年度部门决算"


def make_pdf(path: Path, *, stroke: str = "0.5pt") -> Path:
    """A cover page and form 05 on a second, set by typst."""
    cells = ",".join(f"[{value}]" for row in (HEAD, *ROWS) for value in row)
    source = f"""
#set page(paper: "a4")
#set text(font: "SimHei", size: 9pt)
= {COVER}
第一部分 部门概况 部门职责和机构设置。
#pagebreak()
#align(center)[一般公共预算财政拨款支出决算表]
#align(right)[公开05表]
部门：某市某局 #h(1fr) 单位：万元
#table(columns: (60pt, 170pt, 70pt, 70pt, 70pt), stroke: {stroke}, {cells})
注：本表反映部门本年度一般公共预算财政拨款支出情况。
"""
    font_paths = [str(files("mplfonts") / "fonts")]
    typst.compile(  # type: ignore[misc]  # its overloads infer nothing from bytes
        source.encode(), output=path, font_paths=font_paths
    )
    return path


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pdf(tmp_path_factory.mktemp("pdf") / "ruled.pdf")


def turned(source: Path, path: Path, turn: int) -> Path:
    """The same document as displayed, on paper that is stored turned (``/Rotate``)."""
    document = pypdfium2.PdfDocument(source)
    for page in document:
        width, height = page.get_size()
        matrix, size = {
            90: ((0, 1, -1, 0, height, 0), (height, width)),
            270: ((0, -1, 1, 0, 0, width), (height, width)),
        }[turn]
        pdfium.FPDFPage_TransFormWithClip(page, pdfium.FS_MATRIX(*matrix), None)
        page.set_mediabox(0, 0, *size)
        page.set_cropbox(0, 0, *size)
        page.set_rotation(turn)
    document.save(path)
    document.close()
    return path


def values(reading: Reading) -> dict[tuple[str, str], str]:
    return {(fact.row, fact.column): fact.text for fact in reading.facts}


def expected() -> dict[tuple[str, str], str]:
    columns = ("total", "basic", "project")
    return {
        (row[0] or "total", column): text
        for row in ROWS
        for column, text in zip(columns, row[2:], strict=True)
    }


def test_every_figure_is_seen_by_two_readers_and_says_where_it_stands(ruled: Path) -> None:
    reading = read_document(ruled)
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert (reading.pages, reading.year) == (2, 2023)
    assert values(reading) == expected()
    assert all(fact.agreed and fact.readers == ("tablers", "tabula") for fact in reading.facts)
    assert {fact.page for fact in reading.facts} == {2}
    assert set(reading.readers) == {"pypdfium2", "tablers", "tabula"}
    assert reading.notes == ()
    # The box frames the printed figure.
    fact = next(f for f in reading.facts if (f.row, f.column) == ("208", "basic"))
    assert fact.bbox is not None
    with pypdfium2.PdfDocument(ruled) as document:
        page = document[1]
        x0, top, x1, bottom = fact.bbox
        height = page.get_height()
        text = page.get_textpage().get_text_bounded(x0, height - bottom, x1, height - top)
    assert text.strip() == "30.00"


@pytest.mark.parametrize("turn", [90, 270])
def test_turned_pages_read_as_displayed(ruled: Path, tmp_path: Path, turn: int) -> None:
    reading = read_document(turned(ruled, tmp_path / "turned.pdf", turn))
    assert values(reading) == expected()
    assert all(fact.agreed for fact in reading.facts)
    upright = {fact.key: fact.bbox for fact in read_document(ruled).facts}
    for fact in reading.facts:
        assert fact.bbox == pytest.approx(upright[fact.key], abs=1.5)


def test_blind_reader_is_replaced_by_the_third(tmp_path: Path) -> None:
    # tabula sees next to nothing of some embedded fonts, without any error.
    path = tmp_path / "blind.pdf"
    path.write_bytes(render(synthetic_figures(11), "tabula_blind", "pdf"))
    reading = read_document(path)
    assert len(reading.facts) > 100
    assert all(fact.agreed for fact in reading.facts)
    blind = [f for f in reading.facts if f.amount_wan and "tabula" not in f.readers]
    assert {fact.readers for fact in blind} == {("tablers", "pdfplumber")}
    assert any(note.startswith("tabula只读到") for note in reading.notes)


def test_all_three_table_readers_lay_out_the_same_cells(ruled: Path) -> None:
    shapes = []
    for reader in (TablersReader(), TabulaReader(), PdfplumberReader()):
        [grid] = reader.read(ruled, {2}).grids
        assert grid.page == 2
        shapes.append([[cell.text for cell in row] for row in grid.rows])
    assert shapes[0] == shapes[1] == shapes[2]
    assert shapes[0][1] == list(ROWS[0])


def test_cells_below_a_merged_one_keep_their_column() -> None:
    rows = place_cells(
        [
            ("财政拨款", (0.0, 0.0, 300.0, 10.0)),
            ("预算数", (0.4, 10.0, 100.0, 20.0)),
            ("决算数", (200.0, 10.2, 300.0, 20.0)),
            ("1.00", (0.0, 20.0, 100.0, 30.0)),
            ("2.00", (100.0, 20.0, 200.0, 30.0)),
            ("3.00", (200.2, 20.0, 300.0, 30.0)),
        ]
    )
    assert [[cell.text for cell in row] for row in rows] == [
        ["财政拨款", "", ""],
        ["预算数", "", "决算数"],
        ["1.00", "2.00", "3.00"],
    ]


@pytest.mark.parametrize("stroke", ["none", "(x: none, y: 0.5pt)"])
def test_table_without_columns_drawn_is_read_by_its_words(tmp_path: Path, stroke: str) -> None:
    reading = read_document(make_pdf(tmp_path / "bare.pdf", stroke=stroke))
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert values(reading) == expected()
    assert all(fact.agreed and len(fact.readers) >= 2 for fact in reading.facts)


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real is not here")
@pytest.mark.parametrize(
    "name", ["foshan-rail-2019.pdf", "putuo-finance-2024.pdf", "putuo-social-work-2024.pdf"]
)
def test_real_tables_robbed_of_their_lines_yield_no_wrong_figure(tmp_path: Path, name: str) -> None:
    document = pypdfium2.PdfDocument(REAL / "final" / name)
    for page in document:
        for item in list(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1)):
            page.remove_obj(item)
        page.gen_content()
    document.save(tmp_path / "bare.pdf")
    document.close()
    truth = {fact.key: fact for fact in read_document(REAL / "final" / name).facts}
    reading = read_document(tmp_path / "bare.pdf")
    agreed = [fact for fact in reading.facts if fact.agreed]
    assert [f for f in agreed if f.amount_wan != truth[f.key].amount_wan] == []
    # Without lines all of the figures are still there.
    figures = {fact.key for fact in agreed if fact.amount_wan is not None}
    assert figures == {fact.key for fact in truth.values() if fact.amount_wan is not None}


def test_cut_file_is_unreadable_even_where_viewers_repair_it(ruled: Path, tmp_path: Path) -> None:
    body = ruled.read_bytes()
    path = tmp_path / "cut.pdf"
    path.write_bytes(body[: len(body) * 9 // 10])
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "文件不完整" in (reading.reason or "")


def test_file_whose_pages_show_nothing_is_damaged_not_without_forms(
    ruled: Path, tmp_path: Path
) -> None:
    document = pypdfium2.PdfDocument(ruled)
    page = document[1]
    for item in list(page.get_objects(max_depth=1)):
        page.remove_obj(item)
    page.gen_content()
    document.save(tmp_path / "damaged.pdf")
    document.close()
    reading = read_document(tmp_path / "damaged.pdf")
    assert reading.kind is DocumentKind.UNREADABLE
    assert "2页中有1页没有任何内容" in (reading.reason or "")


def test_encrypted_file_is_unreadable_with_what_to_do(ruled: Path, tmp_path: Path) -> None:
    TabulaReader().start()
    pdfbox = "org.apache.pdfbox.pdmodel"
    policy = jpype.JClass(f"{pdfbox}.encryption.StandardProtectionPolicy")(
        "owner", "user", jpype.JClass(f"{pdfbox}.encryption.AccessPermission")()
    )
    policy.setEncryptionKeyLength(128)
    document = jpype.JClass(f"{pdfbox}.PDDocument").load(jpype.JClass("java.io.File")(str(ruled)))
    document.protect(policy)
    document.save(str(tmp_path / "locked.pdf"))
    document.close()
    reading = read_document(tmp_path / "locked.pdf")
    assert reading.kind is DocumentKind.UNREADABLE
    assert "文件设有密码" in (reading.reason or "")


def test_scan_is_unreadable_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    Image.effect_noise((600, 800), 64).save(path)
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert (reading.reason or "").startswith("扫描件，没有文字层")
    assert reading.pages == 1


def test_too_many_pages_are_refused(ruled: Path) -> None:
    reading = read_document(ruled, max_pages=1)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "2页" in (reading.reason or "")


def test_content_counts_not_the_declared_type(ruled: Path) -> None:
    reading = read_document(ruled, media_type="text/html; charset=utf-8")
    assert reading.media_type == MediaType.PDF
    assert any("网站称其为text/html" in note for note in reading.notes)


# --- real disclosures ---------------------------------------------------------------------------

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real is not here")
NINE = ("01", "02", "03", "04", "05", "06", "07", "08", "09")


def real(name: str) -> tuple[Reading, dict[tuple[str, str, str, str], Fact]]:
    reading = read_document(REAL / "final" / name)
    return reading, {fact.key: fact for fact in reading.facts}


@pytest.mark.shared
@needs_real
@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("foshan-rail-2019.pdf", tuple(key for key in NINE if key != "08")),
        ("putuo-finance-2024.pdf", NINE),
        ("putuo-social-work-2024.pdf", NINE),
        ("putuo-blank-template.pdf", NINE),
        ("putuo-finance-2024-seeded-errors.pdf", tuple(key for key in NINE if key != "03")),
    ],
)
def test_real_disclosures_have_all_forms_and_two_readers_per_figure(
    name: str, forms: tuple[str, ...]
) -> None:
    reading, facts = real(name)
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert tuple(sorted(reading.form_keys)) == forms
    assert len(facts) == len(reading.facts)
    assert [fact for fact in reading.facts if not fact.agreed or len(fact.readers) < 2] == []

    def amount(form: str, side: str, row: str, column: str) -> Decimal:
        fact = facts.get((form, side, row, column))
        return (fact.amount_wan if fact else None) or Decimal(0)

    expense = Side.EXPENSE.value
    assert amount("01", "income", "grand_total", "amount") == amount(
        "01", expense, "grand_total", "amount"
    )
    for form in ("02", "03", "05"):
        if form not in forms:
            continue
        classes = [f for f in reading.facts if f.form == form and f.code and len(f.code) == 3]
        for column in {fact.column for fact in classes}:
            computed = sum(
                (f.amount_wan or Decimal(0) for f in classes if f.column == column), Decimal(0)
            )
            # Up to eight classes of two decimals each.
            assert abs(computed - amount(form, "", "total", column)) <= Decimal("0.04")


@pytest.mark.shared
@needs_real
def test_real_figures_stand_in_their_columns() -> None:
    _, facts = real("foshan-rail-2019.pdf")
    assert facts["03", "", "total", "project"].text == "921.75"
    assert facts["06", "", "30108", "amount"].text == "47.01"
    assert facts["09", "", "only", "actual.hospitality"].text == "0.16"
    assert facts["09", "", "only", "budget.hospitality"].text == "0.00"
    _, facts = real("putuo-finance-2024.pdf")
    assert (
        facts["04", "income", "opening_general_budget", "amount"].text.replace(",", "") == "21.63"
    )
    assert facts["09", "", "only", "budget.total"].text == "0.95"


@pytest.mark.shared
@needs_real
def test_seeded_copy_shows_the_emptied_figure_and_the_missing_form() -> None:
    reading, facts = real("putuo-finance-2024-seeded-errors.pdf")
    assert "03" not in reading.form_keys
    assert facts["09", "", "only", "budget.total"].amount_wan is None


@pytest.mark.shared
@needs_real
def test_blank_template_is_blank_everywhere() -> None:
    reading, _ = real("putuo-blank-template.pdf")
    assert {fact.amount_wan for fact in reading.facts} <= {None, Decimal(0)}


@pytest.mark.shared
@needs_real
@pytest.mark.parametrize("path", sorted(REAL.glob("*/*")), ids=lambda path: path.name)
def test_everything_real_gets_a_kind_and_no_exception(path: Path) -> None:
    reading = read_document(path)
    kind = {
        "final": DocumentKind.FINAL_ACCOUNTS,
        "budget": DocumentKind.BUDGET,
    }.get(path.parent.name)
    if kind is not None:
        assert reading.kind is kind
    else:
        assert reading.kind is not DocumentKind.FINAL_ACCOUNTS
        assert reading.reason
    assert "读取失败" not in (reading.reason or "")


def test_a_form_whose_sums_do_not_hold_is_read_once_more(tmp_path: Path) -> None:
    """Before anyone is told, a third reader looks at it; the figure stays as all saw it."""
    figures = load_figures(EXAMPLE)
    assert figures.forms.f05 is not None
    total = {**figures.forms.f05.total, "total": "9999.99"}
    wrong = figures.forms.model_copy(
        update={"f05": figures.forms.f05.model_copy(update={"total": total})}
    )
    for name, forms_ in (("sound", figures.forms), ("wrong", wrong)):
        path = tmp_path / f"{name}.pdf"
        given = figures.model_copy(update={"forms": forms_})
        path.write_bytes(render(given, "heilongjiang", "pdf"))
        reading = read_document(path)
        reread = {fact.form for fact in reading.facts if "pdfplumber" in fact.readers}
        noted = [note for note in reading.notes if "复读" in note]
        if name == "sound":
            assert (reread, noted) == (set(), [])
            continue
        assert "05" in reread
        assert noted == ["表05有合计不等于各项之和，已由pdfplumber复读，各数字读数相同"]
        (fact,) = [f for f in reading.facts if f.key == ("05", "", "total", "total")]
        assert (fact.text, fact.agreed, len(fact.readers)) == ("9999.99", True, 3)
