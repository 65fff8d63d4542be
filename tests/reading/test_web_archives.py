"""Pages saved as one file (MHTML, also named .doc), and text in UTF-16 that does not say so."""

from __future__ import annotations

from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from bench.accuracy import compare, declared_empty, expected_cells, figures_for, printed_layouts
from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.sniff import MediaType, decode_text, sniff
from disclosures.rendering import render

LAYOUT = printed_layouts()["xinjiang_excel"]
FIGURES = figures_for(LAYOUT, 4)


def archive(*pages: bytes, charset: str) -> bytes:
    """Pages as Word and browsers save them: a message of several parts."""
    whole = MIMEMultipart("related", type="text/html")
    for number, page in enumerate(pages):
        part: Message = MIMEText(page.decode(), "html", charset)
        part["Content-Location"] = f"file:///C:/{number}.htm"
        whole.attach(part)
    sheet = MIMEText(".x { color: red }", "css")
    whole.attach(sheet)
    return whole.as_bytes()


def pages() -> tuple[bytes, bytes]:
    """The disclosure in one page, and one that says nothing."""
    whole = render(FIGURES, LAYOUT, "html").decode().replace('charset="utf-8"', "")
    return whole.encode(), "<html><body><p>页眉</p></body></html>".encode()


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_a_web_archive_is_read_like_its_page(tmp_path: Path, charset: str) -> None:
    path = tmp_path / "accounts.doc"
    path.write_bytes(archive(*pages(), charset=charset))
    reading = read_document(path)
    assert (reading.kind, reading.media_type) == (DocumentKind.FINAL_ACCOUNTS, MediaType.MHTML)
    expected = expected_cells(FIGURES, LAYOUT)
    tally = compare(expected, declared_empty(FIGURES), reading)
    assert (tally.exact, tally.silent, tally.invented) == (len(expected), 0, 0), tally.examples[:5]


def test_a_web_archive_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.mht"
    body = archive(*pages(), charset="utf-8")
    for cut in (len(body) // 2, body.index(b"\n\n") + 2, len(body) - 60):
        path.write_bytes(body[:cut])
        reading = read_document(path)
        assert reading.kind is DocumentKind.UNREADABLE
        assert reading.reason
        assert "网页存档" in reading.reason, reading.reason


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_text(tmp_path: Path, encoding: str) -> None:
    text = render(FIGURES, LAYOUT, "html").decode()
    path = tmp_path / "page.html"
    path.write_bytes(text.encode(encoding))
    assert sniff(path.read_bytes()) is MediaType.HTML
    reading = read_document(path)
    expected = expected_cells(FIGURES, LAYOUT)
    assert compare(expected, frozenset(), reading).exact == len(expected)
    lines = "部门决算\n收入支出决算总表\t单位：万元\n1,234.50\n"
    assert decode_text(lines.encode(encoding)) == lines


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01\x02garbage" * 99,
        bytes(range(256)) * 16,
        b"\x00\xff" * 2000,
        b"BM" + b"\x36\x00\x84\x03" * 500,
        b"\x01\x00\x09\x00" * 900,
    ],
)
def test_other_bytes_with_zeros_are_no_text(body: bytes) -> None:
    assert decode_text(body) is None
