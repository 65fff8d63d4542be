"""Pictures of single pages, published file by file, as the one scan that they are.

A zip or a folder of ``001.jpg`` to ``020.jpg`` is a disclosure of twenty pages, of which none says
by itself what it is a page of. Joined into a PDF they are read, archived and shown like any scan.
The PDF is made of the pictures' own bytes where PDF knows their coding, and is always the same for
the same pictures. Names tell the order of the pages, nothing else.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pictures of pages are at least this wide and high; logos, seals and buttons are smaller.
_LEAST_SIDE: Final = 500
#: A page is not longer than this many times its width; banners are.
_LONGEST: Final = 2.0
_MOST_PIXELS: Final = 80_000_000
_LONG_SIDE_PT: Final = 842.0
_DPI: Final = 150
#: What made the PDF, by its information dictionary.
_PRODUCER: Final = "juesuan"
_SUBJECT: Final = re.compile(rb"/Producer \(juesuan\) /Subject <feff((?:[0-9a-f]{4})+)>")
_HEAD: Final = 65536
_NAMED: Final = 10
_DIGITS: Final = {sign: n for n, sign in enumerate("零一二三四五六七八九")} | {"〇": 0}
_NUMBER: Final = re.compile(r"\d+|[〇零一二三四五六七八九十百]+")
_TURNS: Final = {1: 0, 3: 180, 6: 90, 8: 270}
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS: Final = {0: 1, 2: 3, 3: 1}


class NotPagesError(Exception):
    """These pictures are not joined. The message says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class _Page:
    width: int
    height: int
    #: entries of the picture's dictionary, and its bytes
    coding: str
    data: bytes
    turn: int = 0


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 第2页 before 第10页, and 第二页 before 第十页."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    parts: list[tuple[int, int, str]] = []
    end = 0
    for match in _NUMBER.finditer(plain):
        if match.start() > end:
            parts.append((1, 0, plain[end : match.start()]))
        parts.append((0, _number(match[0]), ""))
        end = match.end()
    return (*parts, (1, 0, plain[end:]))


def is_page_picture(body: bytes) -> bool:
    """Whether an image file can be the picture of one page: one frame, and of a page's shape."""
    from PIL import Image as Pillow

    # Pillow's decoders raise errors of many types on damaged files, which are documents of
    # their own with their own reason.
    try:
        with Pillow.open(io.BytesIO(body)) as image:
            short, long = sorted(image.size)
            return (
                getattr(image, "n_frames", 1) == 1
                and short >= _LEAST_SIDE
                and long <= _LONGEST * short
                and image.width * image.height <= _MOST_PIXELS
            )
    except Exception:
        return False


def join(pictures: Sequence[tuple[str, bytes]]) -> bytes:
    """Pictures of pages, by name, as a PDF in the order of their names.

    Raises:
        NotPagesError: one of them is damaged; without its page the others are no whole.
    """
    ordered = sorted(pictures, key=lambda picture: natural_order(picture[0]))
    names = [name for name, _ in ordered]
    shown = "、".join(names if len(names) <= _NAMED else [*names[: _NAMED - 1], "…", names[-1]])
    subject = f"由同一处的{len(names)}张图片按文件名顺序合并而成，页码为图片的次序：{shown}"
    pages = []
    for name, body in ordered:
        try:
            pages.append(_page(body))
        # See above.
        except Exception as error:
            raise NotPagesError(f"“{name}”已损坏（{type(error).__name__}）") from error
    return b"".join(_written(pages, subject))


def told(body: bytes) -> str | None:
    """What a PDF that :func:`join` made says of its pictures; None of other files."""
    subject = _SUBJECT.search(body[:_HEAD])
    return bytes.fromhex(subject[1].decode()).decode("utf-16-be", "replace") if subject else None


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    total = digit = 0
    for sign in text:
        if sign in "十百":
            total += (digit or 1) * (10 if sign == "十" else 100)
            digit = 0
        else:
            digit = 10 * digit + _DIGITS[sign]
    return total + digit


def _page(body: bytes) -> _Page:
    from PIL import Image as Pillow
    from PIL import ImageOps

    with Pillow.open(io.BytesIO(body)) as image:
        image.load()
        turned = image.getexif().get(0x0112, 1)
        size = (image.width, image.height)
        if image.format == "JPEG" and image.mode in ("L", "RGB") and turned in _TURNS:
            space = "/DeviceGray" if image.mode == "L" else "/DeviceRGB"
            coding = f"/ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode"
            return _Page(*size, coding, body, _TURNS[turned])
        if image.format == "PNG" and turned == 1 and (own := _png(body, size)):
            return own
        return _decoded(ImageOps.exif_transpose(image))


def _decoded(image: Image) -> _Page:
    from PIL import Image as Pillow

    flat = Pillow.new("RGBA", image.size, "white")
    flat.alpha_composite(image.convert("RGBA"))
    data = zlib.compress(flat.convert("RGB").tobytes(), 6)
    coding = "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    return _Page(image.width, image.height, coding, data)


def _png(body: bytes, size: tuple[int, int]) -> _Page | None:
    """A PNG whose rows PDF can take as they are: neither interlaced nor transparent."""
    header, palette, rows = b"", b"", []
    at = len(_PNG)
    while at + 8 <= len(body):
        length, kind = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        data = body[at + 8 : at + 8 + length]
        if kind == b"tRNS":
            return None
        if kind == b"IHDR":
            header = data
        elif kind == b"PLTE":
            palette = data
        elif kind == b"IDAT":
            rows.append(data)
        at += 12 + length
    depth, colour, interlaced = header[8], header[9], header[12]
    if colour not in _PNG_COLOURS or interlaced or depth > 8:
        return None
    if colour == 3:
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    else:
        space = "/DeviceRGB" if colour == 2 else "/DeviceGray"
    coding = (
        f"/ColorSpace {space} /BitsPerComponent {depth} /Filter /FlateDecode /DecodeParms "
        f"<</Predictor 15 /Colors {_PNG_COLOURS[colour]} /BitsPerComponent {depth} "
        f"/Columns {size[0]}>>"
    )
    return _Page(*size, coding, b"".join(rows))


def _written(pages: Sequence[_Page], subject: str) -> Iterator[bytes]:
    """A PDF of one picture a page (ISO 32000-1, 7.5)."""
    kids = " ".join(f"{3 * n + 4} 0 R" for n in range(len(pages)))
    objects: list[bytes] = [
        b"<</Type /Catalog /Pages 2 0 R>>",
        f"<</Type /Pages /Kids [{kids}] /Count {len(pages)}>>".encode(),
        f"<</Producer ({_PRODUCER}) /Subject <feff{subject.encode('utf-16-be').hex()}>>>".encode(),
    ]
    for n, page in enumerate(pages):
        width, height = _size_pt(page)
        drawn = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /P Do Q".encode()
        objects += [
            (
                f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] "
                f"/Rotate {page.turn} /Contents {3 * n + 5} 0 R "
                f"/Resources <</XObject <</P {3 * n + 6} 0 R>>>>>>"
            ).encode(),
            _stream("", drawn),
            _stream(
                f"/Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} "
                f"{page.coding}",
                page.data,
            ),
        ]
    at = 0
    places: list[int] = []
    head = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    yield head
    at += len(head)
    for number, content in enumerate(objects, start=1):
        places.append(at)
        written = b"%d 0 obj\n%b\nendobj\n" % (number, content)
        yield written
        at += len(written)
    yield b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    yield b"".join(b"%010d 00000 n \n" % place for place in places)
    yield b"trailer\n<</Size %d /Root 1 0 R /Info 3 0 R>>\n" % (len(objects) + 1)
    yield b"startxref\n%d\n%%%%EOF\n" % at


def _size_pt(page: _Page) -> tuple[float, float]:
    """How large a page is taken to be: as long as A4, because what images say of their resolution
    is rarely true; near that its pixels are those of 150 dpi, which spares resampling them."""
    long = max(page.width, page.height)
    scale = _LONG_SIDE_PT / long
    if 0.6 <= scale * _DPI / 72 <= 1.2:
        # A hair less, or it would be drawn a pixel wider.
        return page.width * 72 / _DPI - 0.002, page.height * 72 / _DPI - 0.002
    return round(page.width * scale, 2), round(page.height * scale, 2)


def _stream(about: str, data: bytes) -> bytes:
    return f"<<{about} /Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"
