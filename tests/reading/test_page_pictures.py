"""Pictures of single pages in a zip are one scan; names tell the order of its pages only."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from bench.accuracy import compare, expected_cells, figures_for, printed_layouts
from disclosures.model import DocumentKind
from disclosures.reading import read_document, scans
from disclosures.reading.containers import ContainerLimits, members
from disclosures.reading.page_pictures import join, natural_order, told
from disclosures.rendering import render


def picture(number: int, size: tuple[int, int] = (600, 840)) -> Image.Image:
    """A page that has a mark of its own: a bar as long as its number."""
    page = Image.new("RGB", size, "white")
    page.paste((0, 0, 0), (20, 40, 20 + 20 * number, 60))
    page.paste((200, 30, 30), (300, 500, 420, 620))
    return page


def saved(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **how)
    return out.getvalue()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        for name, body in files.items():
            package.writestr(name, body)
    return path


def drawn(pdf: bytes) -> list[np.ndarray]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [np.asarray(page.render(scale=600 / page.get_width()).to_pil()) for page in document]


def test_names_are_in_the_order_of_their_numbers() -> None:
    names = ["第10页.png", "第2页.png", "第１页.png", "第一百零二页.png", "第十一页.png"]
    assert sorted(names, key=natural_order) == [
        "第１页.png",
        "第2页.png",
        "第10页.png",
        "第十一页.png",
        "第一百零二页.png",
    ]


def test_every_kind_of_picture_becomes_its_page() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    mirrored = Image.Exif()
    mirrored[0x0112] = 2
    clear = picture(6).convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    pictures = [
        ("1.jpg", saved(picture(1), "JPEG", quality=95)),
        ("2.png", saved(picture(2))),
        ("3.png", saved(picture(3).convert("P", palette=Image.Palette.ADAPTIVE))),
        ("4.jpg", saved(picture(4).rotate(90, expand=True), "JPEG", quality=95, exif=turned)),
        (
            "5.jpg",
            saved(
                picture(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
                "JPEG",
                quality=95,
                exif=mirrored,
            ),
        ),
        ("6.png", saved(clear)),
        ("7.bmp", saved(picture(7), "BMP")),
        ("8.png", saved(picture(8).convert("L"))),
        ("9.tif", saved(picture(9).convert("CMYK"), "TIFF")),
        ("10.png", saved(picture(10).convert("1"))),
    ]
    scan = join(list(reversed(pictures)))
    assert scan == join(pictures)
    pages = drawn(scan)
    assert len(pages) == len(pictures)
    for number, page in enumerate(pages, start=1):
        assert page.shape[:2] == (840, 600)
        dark = (page[50, :, :3].max(axis=1) < 128).sum()
        assert abs(int(dark) - 20 * number) <= 2, number
    assert told(scan) == (
        "由同一处的10张图片按文件名顺序合并而成，页码为图片的次序："
        "1.jpg、2.png、3.png、4.jpg、5.jpg、6.png、7.bmp、8.png、9.tif、10.png"
    )
    assert told(b"%PDF-1.7") is None


def test_pictures_of_each_folder_are_joined_and_others_stay(tmp_path: Path) -> None:
    logo = saved(Image.new("RGB", (200, 80), "blue"))
    path = zipped(
        tmp_path / "pages.zip",
        {
            "甲/2.png": saved(picture(2)),
            "甲/1.png": saved(picture(1)),
            "甲/logo.png": logo,
            "甲/说明.txt": "说明".encode(),
            "乙/1.png": saved(picture(3)),
        },
    )
    contents = members(path)
    assert [m.name for m in contents.members] == [
        "甲/图片合并.pdf",
        "甲/logo.png",
        "甲/说明.txt",
        "乙/1.png",
    ]
    assert contents.notes == ["“甲”中2张页面图片按文件名顺序合并为一份文件读取"]
    assert members(path).members == contents.members
    assert any("合并为一份" in note for note in read_document(path).notes)


@pytest.mark.parametrize("how", ["damaged", "too many"])
def test_pictures_that_make_no_whole_stay_apart(tmp_path: Path, how: str) -> None:
    pages = {f"{n}.png": saved(picture(n)) for n in (1, 2, 3)}
    if how == "damaged":
        pages["2.png"] = pages["2.png"][:-200]
    path = zipped(tmp_path / "pages.zip", pages)
    limits = ContainerLimits(joined_pictures=2 if how == "too many" else 120)
    contents = members(path, limits)
    assert len(contents.members) == 3
    assert any("3张图片未合并，各自读取" in note for note in contents.notes)


def test_as_many_are_joined_as_a_scan_may_have() -> None:
    assert ContainerLimits().joined_pictures == scans.MAX_PAGES


def test_a_disclosure_in_pictures_is_read(tmp_path: Path) -> None:
    layout = printed_layouts()["neimenggu"]
    figures = figures_for(layout, 4)
    with pypdfium2.PdfDocument(render(figures, layout, "pdf")) as document:
        found = [
            n for n, p in enumerate(document) if "公开01表" in p.get_textpage().get_text_range()
        ]
        pages = [document[n].render(scale=150 / 72).to_pil().convert("L") for n in (0, found[0])]
    path = zipped(
        tmp_path / "pages.zip",
        {"10.jpg": saved(pages[1], "JPEG", quality=90), "9.png": saved(pages[0])},
    )
    [scan] = members(path).members
    (tmp_path / "scan").write_bytes(scan.body)
    reading = read_document(tmp_path / "scan")
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert any("2张图片按文件名顺序合并而成" in note for note in reading.notes)
    expected = {k: v for k, v in expected_cells(figures, layout).items() if k[0] == "01"}
    tally = compare(expected, frozenset(), reading)
    assert tally.exact == len(expected) > 40
    assert {fact.page for fact in reading.facts} == {2}
