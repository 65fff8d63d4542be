"""A corpus of hostile files: damaged, cyclic, oversized, encrypted, bomb-like.

Everything is built from rendered disclosures and from structures written by hand, with a seed,
so the same call gives the same files. ``python tests/reading/hostile.py FOLDER`` writes them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from disclosures.rendering import render
from disclosures.rendering.figures import Figures, Narrative
from disclosures.rendering.synthetic import synthetic_figures


@dataclass(frozen=True)
class Case:
    """One file. ``original`` names the undamaged file whose figures it may still tell; a case
    that is ``sound`` has nothing wrong that would keep it from being read in full."""

    name: str
    body: bytes
    original: str | None = None
    sound: bool = False


def corpus(seed: int = 20231, scale: int = 1) -> Iterator[Case]:
    """All files; ``scale`` multiplies the sizes of what is large (not of what is claimed)."""
    draw = random.Random(seed)
    for name, body in originals().items():
        yield Case(f"original-{name}", body, name, sound=True)
    yield from damaged(draw)
    yield from damaged_pdfs(draw)
    for number, (label, body) in enumerate(handmade_pdfs(scale)):
        yield Case(f"pdf-{number:03}-{label}.pdf", body)
    yield from encrypted_pdfs()
    yield from workbooks(scale)
    yield from documents(scale)
    yield from archives(scale)
    yield from pages(scale)
    yield from texts(scale)
    yield from odds(draw)


@cache
def figures() -> Figures:
    """A department with three forms and no narrative: small and quickly read."""
    whole = synthetic_figures(11)
    forms = whole.forms.model_copy(update=dict.fromkeys(("f02", "f03", "f04", "f06", "f07", "f08")))
    return whole.model_copy(
        update={"forms": forms, "narrative": Narrative(), "performance": type(whole.performance)()}
    )


@cache
def originals() -> Mapping[str, bytes]:
    """The undamaged documents by name."""
    return {
        "ruled.pdf": render(figures(), "shandong", "pdf"),
        "other.pdf": render(figures(), "heilongjiang", "pdf"),
        "book.xlsx": render(figures(), "shandong", "xlsx"),
        "word.docx": render(figures(), "shandong", "docx"),
        "page.html": render(figures(), "shandong", "html"),
    }


# Damage ------------------------------------------------------------------------------------


def flipped(body: bytes, draw: random.Random, count: int, start: int = 0, end: int = 0) -> bytes:
    """The bytes with ``count`` bits turned between two offsets."""
    changed = bytearray(body)
    for _ in range(count):
        changed[draw.randrange(start, end or len(body))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def damaged(draw: random.Random) -> Iterator[Case]:
    """Damage that knows nothing of the format."""
    counts = {"ruled.pdf": 14, "other.pdf": 6, "book.xlsx": 14, "word.docx": 12, "page.html": 0}
    for name, body in originals().items():
        stem, _, suffix = name.partition(".")
        for cut in (0.001, 0.1, 0.5, 0.9, 0.999):
            yield Case(f"cut-{stem}-{cut}.{suffix}", body[: int(len(body) * cut)], name)
        yield Case(f"headless-{stem}.{suffix}", body[len(body) // 10 :], name)
        # A character of a text is a bit away from another: nothing in an HTML page can tell.
        for number in range(counts[name]):
            yield Case(f"flip-{stem}-{number}.{suffix}", flipped(body, draw, 1), name)
        if not counts[name]:
            continue
        for number in range(2):
            yield Case(f"flips-{stem}-{number}.{suffix}", flipped(body, draw, 60), name)
        hole = draw.randrange(len(body) // 2)
        zeros = body[:hole] + bytes(512) + body[hole + 512 :]
        yield Case(f"hole-{stem}.{suffix}", zeros, name)
        yield Case(f"lost-{stem}.{suffix}", body[:hole] + body[hole + 7 :], name)
        yield Case(f"grown-{stem}.{suffix}", body[:hole] + b"\n7\n" + body[hole:], name)
        yield Case(f"twice-{stem}.{suffix}", body + body, name)
        yield Case(f"tail-{stem}.{suffix}", body + bytes(4096), name)


def damaged_pdfs(draw: random.Random) -> Iterator[Case]:
    """Damage where it hurts: contents of pages, character maps, the directory at the end."""
    name = "ruled.pdf"
    body = originals()[name]
    spans = [
        (start, end)
        for start, end, header in streams(body)
        if not any(mark in header for mark in (b"/Length1", b"CIDFontType0C", b"/OpenType"))
    ]
    for number in range(24):
        start, end = draw.choice(spans)
        yield Case(f"content-{number}.pdf", flipped(body, draw, 1, start, end), name)
    for number in range(6):
        tail = flipped(body, draw, 1, len(body) - 400)
        yield Case(f"directory-{number}.pdf", tail, name)
    for cut in (0.3, 0.6, 0.95):
        ended = body[: int(len(body) * cut)] + b"\nstartxref\n0\n%%EOF\n"
        yield Case(f"ended-{cut}.pdf", ended, name)
    # A figure changed within its compressed stream, the old checksum kept.
    for number in range(6):
        changed = _changed_figure(body, draw)
        if changed:
            yield Case(f"forged-{number}.pdf", changed, name)


def _changed_figure(body: bytes, draw: random.Random) -> bytes | None:
    """The file with one character map or content in which hexadecimal digits differ."""
    spans = list(streams(body))
    draw.shuffle(spans)
    for start, end, header in spans:
        if b"FlateDecode" not in header or b"/Length1" in header:
            continue
        try:
            plain = bytearray(zlib.decompress(body[start:end]))
        except zlib.error:
            continue
        at = plain.find(b"beginbfchar")
        if at < 0:
            continue
        plain[draw.randrange(at + 20, len(plain) - 60)] = draw.choice(b"0123456789")
        packed = zlib.compress(bytes(plain), 9)[:-4] + body[start:end].rstrip(b"\r\n")[-4:]
        room = end - start
        if len(packed) > room:
            continue
        return body[:start] + packed + bytes(room - len(packed)) + body[end:]
    return None


def streams(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Offsets and headers of the streams of a PDF."""
    at = 0
    while (start := body.find(b"stream\n", at)) >= 0:
        end = body.find(b"endstream", start)
        if end < 0:
            return
        header = body[body.rfind(b" obj", 0, start) : start]
        yield start + 7, end, header
        at = end + 9


# PDFs by hand ------------------------------------------------------------------------------

FORM = "某市某局2023年度部门决算 一般公共预算财政拨款支出决算表 公开05表 单位：万元 合计 100.50"


def pdf(objects: Mapping[int, bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """A PDF of some objects with a classic directory."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = {}
    for number, value in sorted(objects.items()):
        offsets[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, value))
    start = out.tell()
    size = max(objects) + 1
    out.write(b"xref\n0 1\n0000000000 65535 f \n")
    for number, offset in offsets.items():
        out.write(b"%d 1\n%010d 00000 n \n" % (number, offset))
    out.write(b"trailer\n<</Size %d/Root %d 0 R%s>>\n" % (size, root, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def stream(data: bytes, header: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (header, len(data), data)


def packed(data: bytes, header: bytes = b"") -> bytes:
    return stream(zlib.compress(data, 9), b"/Filter/FlateDecode" + header)


def bomb(unit: bytes, megabytes: int) -> bytes:
    """A compressed repetition, made without ever holding it unpacked."""
    deflate = zlib.compressobj(9)
    chunk = unit * (2**20 // len(unit))
    return b"".join(deflate.compress(chunk) for _ in range(megabytes)) + deflate.flush()


TEXT = b"BT /F1 10 Tf 50 700 Td (Total 1234.56) Tj ET\n"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def one_page(
    content: bytes = b"",
    page: bytes = b"",
    resources: bytes = b"",
    extra: Mapping[int, bytes] | None = None,
    catalog: bytes = b"",
    box: bytes = b"0 0 595 842",
    font: bytes = FONT,
) -> bytes:
    """A PDF of one page (object 3; contents 4, font 5); ``extra`` adds or replaces objects."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R%s"
        b"/Resources<</Font<</F1 5 0 R>>%s>>>>" % (box, page, resources),
        4: content or stream(TEXT),
        5: font,
    }
    return pdf(objects | dict(extra or {}))


def handmade_pdfs(scale: int) -> Iterator[tuple[str, bytes]]:
    """Structures that loop, nest, claim or unpack."""
    yield from _cycles()
    yield from _claims()
    yield from _bombs(scale)
    yield from _fonts(scale)
    yield from _pictures(scale)


def _cycles() -> Iterator[tuple[str, bytes]]:
    catalog = b"<</Type/Catalog/Pages 2 0 R>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    yield "kids-self", pdf({1: catalog, 2: b"<</Type/Pages/Kids[2 0 R]/Count 1>>"})
    yield (
        "kids-mutual",
        pdf(
            {
                1: catalog,
                2: b"<</Type/Pages/Kids[3 0 R 3 0 R]/Count 9>>",
                3: b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 2 0 R]/Count 9>>",
            }
        ),
    )
    yield "parent-self", pdf({1: catalog, 2: b"<</Type/Pages/Parent 2 0 R/Kids[]/Count 0>>"})
    yield (
        "inherited-loop",
        pdf(
            {
                1: catalog,
                2: b"<</Type/Pages/Kids[3 0 R]/Count 1/Parent 4 0 R>>",
                3: b"<</Type/Page/Parent 4 0 R>>",
                4: b"<</Type/Pages/Parent 2 0 R>>",
            }
        ),
    )
    plain = one_page()
    start = plain.rfind(b"xref\n0 1")
    yield "prev-self", plain.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % start)
    yield (
        "prev-garbage",
        plain.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 99999999999999999999"),
    )
    yield "prev-negative", plain.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev -5")
    yield "xrefstm-self", plain.replace(b"/Root 1 0 R", b"/Root 1 0 R/XRefStm %d" % start)
    yield "reference-self", one_page(extra={4: b"4 0 R"})
    yield "reference-ring", one_page(extra={4: b"6 0 R", 6: b"7 0 R", 7: b"4 0 R"})
    yield "length-self", one_page(extra={4: b"<</Length 4 0 R>>\nstream\n" + TEXT + b"endstream"})
    yield (
        "length-ring",
        one_page(
            extra={
                4: b"<</Length 6 0 R>>\nstream\n" + TEXT + b"endstream",
                6: b"7 0 R",
                7: b"6 0 R",
            }
        ),
    )
    yield "contents-ring", one_page(extra={4: b"[4 0 R 4 0 R 3 0 R]"})
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
    draw = stream(b"/X Do\n" * 20)
    on_page = b"/XObject<</X 6 0 R>>"
    yield (
        "form-self",
        one_page(draw, resources=on_page, extra={6: stream(b"/X Do /X Do", form % 6)}),
    )
    yield (
        "form-mutual",
        one_page(
            draw,
            resources=on_page,
            extra={6: stream(b"/X Do /X Do", form % 7), 7: stream(b"/X Do /X Do", form % 6)},
        ),
    )
    # Twenty forms, each drawn twenty times by the one before: 20 ** 20 pictures.
    tower = {n: stream(b"/X Do\n" * 20, form % (n + 1)) for n in range(6, 26)}
    yield "form-tower", one_page(draw, resources=on_page, extra=tower | {26: stream(TEXT)})
    yield (
        "objstm-self",
        one_page(extra={6: stream(b"6 0 <<>>", b"/Type/ObjStm/N 1/First 4/Extends 6 0 R")}),
    )
    yield from _object_streams()
    outline = b"<</Title(x)/Parent 6 0 R/Next 7 0 R/First 7 0 R>>"
    yield (
        "outline-ring",
        one_page(catalog=b"/Outlines 6 0 R", extra={6: b"<</First 7 0 R/Last 7 0 R>>", 7: outline}),
    )
    yield (
        "names-ring",
        one_page(catalog=b"/Names<</Dests 6 0 R>>", extra={6: b"<</Kids[6 0 R 6 0 R]>>"}),
    )
    yield (
        "structure-ring",
        one_page(
            catalog=b"/MarkInfo<</Marked true>>/StructTreeRoot 6 0 R",
            page=b"/StructParents 0",
            extra={6: b"<</Type/StructTreeRoot/K 7 0 R/ParentTree 6 0 R>>", 7: b"<</S/P/K 7 0 R>>"},
        ),
    )
    yield (
        "pattern-self",
        one_page(
            stream(b"/Pattern cs /P scn 0 0 500 500 re f\n" + TEXT),
            resources=b"/Pattern<</P 6 0 R>>",
            extra={
                6: stream(
                    b"/Pattern cs /P scn 0 0 5 5 re f",
                    b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 5 5]/XStep .0001/YStep .0001"
                    b"/Resources<</Pattern<</P 6 0 R>>>>",
                )
            },
        ),
    )
    yield (
        "mask-self",
        one_page(
            stream(b"/G gs " + TEXT),
            resources=b"/ExtGState<</G 6 0 R>>",
            extra={
                6: b"<</SMask<</S/Luminosity/G 7 0 R>>>>",
                7: stream(
                    b"/G gs 0 0 9 9 re f",
                    b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Group<</S/Transparency>>"
                    b"/Resources<</ExtGState<</G 6 0 R>>>>",
                ),
            },
        ),
    )
    yield (
        "function-ring",
        one_page(
            stream(b"/C cs .5 sc 0 0 9 9 re f " + TEXT),
            resources=b"/ColorSpace<</C[/Separation/A/DeviceRGB 6 0 R]>>",
            extra={
                6: b"<</FunctionType 3/Domain[0 1]/Functions[6 0 R 6 0 R]/Bounds[.5]"
                b"/Encode[0 1 0 1]>>"
            },
        ),
    )
    yield (
        "colour-ring",
        one_page(
            stream(b"/C cs 0 sc 0 0 9 9 re f " + TEXT),
            resources=b"/ColorSpace<</C 6 0 R>>",
            extra={6: b"[/Indexed 6 0 R 1 <00>]"},
        ),
    )
    kid = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/B[3 0 R]/Annots 3 0 R/Contents 3 0 R>>"
    yield "page-everywhere", pdf({1: catalog, 2: b"<</Kids[3 0 R 3 0 R]/Count 2>>", 3: kid})
    yield "root-is-page", pdf({1: page, 2: page})
    yield "root-missing", pdf({7: page}, root=99)


def _object_streams() -> Iterator[tuple[str, bytes]]:
    """Directories in streams: objects kept in the stream that they describe."""

    def directory(entries: list[tuple[int, int, int]], more: bytes = b"") -> bytes:
        data = b"".join(struct.pack(">BIH", *entry) for entry in entries)
        head = b"/Type/XRef/W[1 4 2]/Size %d/Root 1 0 R%s" % (len(entries), more)
        return packed(data, head)

    body = b"%PDF-1.7\n"
    at = len(body)
    for label, entries, more in (
        ("within-itself", [(2, 2, 0), (2, 2, 0), (2, 2, 0)], b""),
        ("within-each-other", [(0, 0, 0), (2, 2, 0), (2, 3, 0), (2, 2, 0)], b""),
        ("prev-self", [(0, 0, 0), (1, at, 0)], b"/Prev %d" % at),
        ("index-huge", [(0, 0, 0), (1, at, 0)], b"/Index[0 2147483647]"),
        ("widths-huge", [(0, 0, 0), (1, at, 0)], b"/W[2147483647 4 2]"),
    ):
        yield (
            f"xref-{label}",
            body
            + b"9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (directory(entries, more), at),
        )


def _claims() -> Iterator[tuple[str, bytes]]:
    catalog = b"<</Type/Catalog/Pages 2 0 R>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"
    for count in (b"100000", b"2147483647", b"-1", b"99999999999999999999", b"(x)"):
        tree = b"<</Type/Pages/Kids[3 0 R]/Count %s>>" % count
        yield (
            f"count-{count.decode().strip('()')}",
            pdf({1: catalog, 2: tree, 3: page, 4: stream(TEXT)}),
        )
    for number in (900, 100_000):
        kids = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b"3 0 R " * number, number)
        yield f"same-page-{number}", pdf({1: catalog, 2: kids, 3: page, 4: stream(TEXT)})
    depth = 5000
    tower = {
        n: b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (n - 1, n + 1)
        for n in range(3, depth)
    }
    tower[depth] = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 9 9]>>" % (depth - 1)
    yield "deep-pages", pdf({1: catalog, 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>"} | tower)
    for label, box in (
        ("huge", b"0 0 1000000000 1000000000"),
        ("negative", b"0 0 -595 -842"),
        ("empty", b"0 0 0 0"),
        ("words", b"/a (b) null 0 R"),
        ("short", b"0 0"),
        ("beyond", b"-1e38 -1e38 1e38 1e38"),
    ):
        yield f"box-{label}", one_page(box=box)
    yield "unit-huge", one_page(page=b"/UserUnit 1000000000")
    yield "rotate-odd", one_page(page=b"/Rotate 45")
    yield "rotate-huge", one_page(page=b"/Rotate 99999999999990")
    deep = 20_000
    yield "deep-arrays", one_page(extra={6: b"[" * deep + b"]" * deep}, page=b"/X 6 0 R")
    yield "deep-dicts", one_page(extra={6: b"<</A" * deep + b">>" * deep}, page=b"/X 6 0 R")
    yield "deep-open", one_page(extra={6: b"[" * deep})
    yield "deep-content", one_page(stream(b"[" * deep + b"<<" * deep + TEXT))
    yield "deep-states", one_page(stream(b"q " * 200_000 + TEXT))
    yield "string-open", one_page(stream(b"BT /F1 9 Tf (" + b"(" * deep))
    plain = one_page()
    yield "size-huge", plain.replace(b"/Size 6", b"/Size 2147483647")
    yield "start-beyond", plain[: plain.rfind(b"startxref")] + b"startxref\n999999999\n%%EOF\n"
    yield "start-missing", plain[: plain.rfind(b"startxref")] + b"%%EOF\n"
    yield "header-only", b"%PDF-1.7\n%%EOF\n"
    yield "header-late", b"x" * 900 + plain
    yield "headers", b"%PDF-1.7\n" * 50_000 + b"%%EOF\n"
    yield "object-huge", plain.replace(b"4 0 obj", b"4999999999 0 obj")
    yield "objects-many", pdf({1: catalog} | dict.fromkeys(range(2, 30000), b"<<>>"))
    yield "noise", b"%PDF-1.7\n" + random.Random(1).randbytes(200_000) + b"\n%%EOF\n"
    yield "noise-objects", b"%PDF-1.7\n" + b"1 0 obj<</Kids[1 0 R]" * 20_000 + b"\n%%EOF\n"
    yield "zeros", b"%PDF-1.7\n" + bytes(300_000) + b"\n%%EOF\n"


def _bombs(scale: int) -> Iterator[tuple[str, bytes]]:
    size = 64 * scale
    flate = b"/Filter/FlateDecode"
    yield "flate-blanks", one_page(stream(bomb(b" ", size), flate))
    yield "flate-text", one_page(stream(bomb(TEXT, size // 4), flate))
    yield "flate-open-strings", one_page(stream(bomb(b"((((((((", size // 8), flate))
    yield "flate-lines", one_page(stream(bomb(b"0 0 m 9 9 l S\n", size // 16), flate))
    yield "flate-rectangles", one_page(stream(bomb(b"9 9 99 99 re f\n", size // 32), flate))
    twice = zlib.compress(bomb(b" ", size), 9)
    yield "flate-twice", one_page(stream(twice, b"/Filter[/FlateDecode/FlateDecode]"))
    filters = b"/FlateDecode" * 200
    yield "filters-many", one_page(stream(twice, b"/Filter[%s]" % filters))
    yield "filter-unknown", one_page(stream(TEXT, b"/Filter/Nonsense"))
    predictor = b"/DecodeParms<</Predictor 15/Columns 2147483647/Colors 99/BitsPerComponent 99>>"
    yield "predictor-huge", one_page(stream(zlib.compress(TEXT), flate + predictor))
    yield "run-length", one_page(stream(b"\x81 " * 500_000 + b"\x80", b"/Filter/RunLengthDecode"))
    yield "lzw-noise", one_page(stream(random.Random(2).randbytes(50_000), b"/Filter/LZWDecode"))
    yield "hex-endless", one_page(stream(b"20" * 500_000, b"/Filter/ASCIIHexDecode"))
    yield "content-endless", one_page(b"<</Length 9>>\nstream\n" + TEXT * 4000)
    parts = b"[%s]" % (b"4 0 R " * 50_000)
    yield "contents-many", one_page(page=b"/Contents 6 0 R", extra={6: parts})
    grid = b"".join(
        b"%d 0 m %d 800 l S\n0 %d m 800 %d l S\n" % (4 * n, 4 * n, 4 * n, 4 * n) for n in range(200)
    )
    yield "grid-200x200", one_page(packed(grid + TEXT))
    draw = random.Random(3)
    scribble = b"".join(
        b"%d %d m %d %d l S\n" % tuple(draw.randrange(800) for _ in range(4)) for _ in range(40_000)
    )
    yield "lines-scribbled", one_page(packed(scribble + TEXT))
    rectangles = b"".join(
        b"%d %d %d 1 re f\n" % (draw.randrange(600), draw.randrange(800), draw.randrange(500))
        for _ in range(20_000)
    )
    yield "rectangles-many", one_page(packed(rectangles + TEXT))
    yield (
        "letters-one-place",
        one_page(packed(b"BT /F1 9 Tf 9 9 Td " + b"(8) Tj " * 4_000 * scale + b"ET")),
    )
    yield "letters-huge", one_page(stream(b"BT /F1 1e30 Tf 1e30 1e30 Td (9.99) Tj ET"))
    yield "numbers-huge", one_page(stream(b"BT /F1 9 Tf 1 0 0 1 9e999 -9e999 Tm (9.99) Tj ET"))
    yield "numbers-long", one_page(stream(b"9" * 500_000 + b" 0 m " + TEXT))
    notes = b"".join(b"<</Subtype/Text/Rect[0 0 9 9]/Contents(x)>>" for _ in range(5_000))
    yield "annotations", one_page(page=b"/Annots[%s]" % notes)
    entities = _laughs("xfa").encode()
    yield "xfa-entities", one_page(catalog=b"/AcroForm<</XFA 6 0 R>>", extra={6: stream(entities)})
    yield (
        "xmp-entities",
        one_page(catalog=b"/Metadata 6 0 R", extra={6: stream(entities, b"/Type/Metadata")}),
    )
    script = b"<</S/JavaScript/JS(while(true){})>>"
    yield "script", one_page(catalog=b"/OpenAction 6 0 R", extra={6: script})


def _fonts(scale: int) -> Iterator[tuple[str, bytes]]:
    def composite(unicode_map: bytes, file: bytes = b"", encoding: bytes = b"/Identity-H") -> bytes:
        return one_page(
            stream(b"BT /F1 10 Tf 50 700 Td <0041004200430044> Tj ET\n" * 40),
            font=b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding %s/ToUnicode 7 0 R"
            b"/DescendantFonts[6 0 R]>>" % encoding,
            extra={
                6: b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)"
                b"/Ordering(Identity)/Supplement 0>>/FontDescriptor 8 0 R/W[0 65535 500]>>",
                7: stream(unicode_map),
                8: b"<</Type/FontDescriptor/FontName/A/Flags 4/FontBBox[0 0 9 9]/FontFile2 9 0 R>>",
                9: stream(file or b"\0\1\0\0junk"),
            },
        )

    def chars(*pairs: tuple[str, str]) -> bytes:
        lines = "".join(f"<{code}> <{text}>\n" for code, text in pairs)
        head = "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        return f"{head}{len(pairs)} beginbfchar\n{lines}endbfchar\n".encode()

    yield (
        "map-surrogates",
        composite(chars(("0041", "D800"), ("0042", "DFFF"), ("0043", "D83D"), ("0044", "0039"))),
    )
    yield (
        "map-controls",
        composite(chars(("0041", "0000"), ("0042", "0001"), ("0043", "FFFF"), ("0044", "FFFE"))),
    )
    yield (
        "map-long",
        composite(chars(("0041", "0039" * 500 * scale), ("0042", "0038" * 500 * scale))),
    )
    yield "map-ranges", composite(b"1 beginbfrange <0000> <FFFFFFFF> <0000> endbfrange\n" * 200)
    yield "map-uses-itself", composite(b"/Self usecmap\n", encoding=b"7 0 R")
    yield "map-noise", composite(random.Random(4).randbytes(20_000))
    yield "file-noise", composite(chars(("0041", "0039")), random.Random(5).randbytes(40_000))
    tables = struct.pack(">IHHHH", 0x00010000, 65535, 0, 0, 0)
    tables += b"glyf" + struct.pack(">III", 0, 12, 2**31) * 500
    yield "file-tables", composite(chars(("0041", "0039")), tables)
    yield "file-bomb", composite(chars(("0041", "0039")), bytes(2**20 * scale))
    proc = stream(b"1000 0 0 0 750 750 d1 BT /F1 1 Tf (aaaaaaaa) Tj ET")
    recursive = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 750 750]/FontMatrix[.001 0 0 .001 0 0]"
        b"/CharProcs<</a 6 0 R>>/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97"
        b"/Widths[1000]/Resources<</Font<</F1 5 0 R>>>>>>"
    )
    yield (
        "type3-self",
        one_page(stream(b"BT /F1 9 Tf (aaaa) Tj ET"), font=recursive, extra={6: proc}),
    )
    wide = FONT.replace(b">>", b"/FirstChar -2147483648/LastChar 2147483647/Widths[1e38 -1e38]>>")
    yield "widths-huge", one_page(font=wide)
    yield (
        "font-self",
        one_page(font=b"<</Subtype/Type0/DescendantFonts[5 0 R]/Encoding 5 0 R/ToUnicode 5 0 R>>"),
    )
    yield "font-missing", one_page(font=b"null")


def _pictures(scale: int) -> Iterator[tuple[str, bytes]]:
    for label, width, filters, data in (
        ("jbig2", 60_000, b"/JBIG2Decode", random.Random(6).randbytes(2_000)),
        (
            "jbig2-page",
            60_000,
            b"/JBIG2Decode",
            # A page information segment of 4 Gi x 4 Gi points.
            struct.pack(">IBBBI", 0, 48, 0, 1, 19) + b"\xff" * 8 + bytes(11),
        ),
        ("jpx", 60_000, b"/JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(500)),
        (
            "dct",
            60_000,
            b"/DCTDecode",
            b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(99),
        ),
        ("fax", 100_000, b"/CCITTFaxDecode", bytes(3_000)),
        ("flate", 40_000, b"/FlateDecode", bomb(b"\0", 64 * scale)),
        ("huge", 2_147_483_647, b"/FlateDecode", zlib.compress(bytes(999))),
        ("negative", -5, b"/FlateDecode", zlib.compress(bytes(999))),
    ):
        head = (
            b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8"
            b"/ColorSpace/DeviceRGB/Filter%s" % (width, width, filters)
        )
        yield (
            f"image-{label}",
            one_page(
                stream(b"q 595 0 0 842 0 0 cm /I Do Q"),
                resources=b"/XObject<</I 6 0 R>>",
                extra={6: stream(data, head)},
            ),
        )
    inline = b"BI /W 99999 /H 99999 /BPC 8 /CS /RGB ID " + bytes(500)
    yield "image-inline", one_page(stream(inline + b" EI " + TEXT))
    yield "image-inline-open", one_page(stream(inline))
    alternate = b"/Type/XObject/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/SMask 6 0 R"
    yield (
        "image-mask-self",
        one_page(
            stream(b"/I Do " + TEXT),
            resources=b"/XObject<</I 6 0 R>>",
            extra={6: stream(bytes(81), alternate + b"/ColorSpace/DeviceGray")},
        ),
    )


# Encryption --------------------------------------------------------------------------------

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def encrypted(password: bytes, content: bytes) -> bytes:
    """One page under the standard security handler, revision 2 (RC4, 40 bits)."""
    identity = b"0123456789abcdef"
    owner = rc4(hashlib.md5((b"owner" + _PADDING)[:32]).digest()[:5], (password + _PADDING)[:32])
    seed = (password + _PADDING)[:32] + owner + struct.pack("<i", -4) + identity
    key = hashlib.md5(seed).digest()[:5]
    user = rc4(key, _PADDING)
    object_key = hashlib.md5(key + (4).to_bytes(3, "little") + bytes(2)).digest()[:10]
    body = one_page(
        stream(rc4(object_key, content)),
        extra={
            6: b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>"
            % (owner.hex().encode(), user.hex().encode())
        },
    )
    trailer = b"/Root 1 0 R/Encrypt 6 0 R/ID[<%s><%s>]" % ((identity.hex().encode(),) * 2)
    return body.replace(b"/Root 1 0 R", trailer)


def encrypted_pdfs() -> Iterator[Case]:
    yield Case("encrypted-no-password.pdf", encrypted(b"", TEXT * 3))
    yield Case("encrypted-password.pdf", encrypted(b"secret", TEXT * 3))
    whole = encrypted(b"", TEXT)
    for label, old, new in (
        ("version", b"/V 1", b"/V 99"),
        ("revision", b"/R 2", b"/R 6"),
        ("filter", b"/Standard", b"/Nonsense"),
        ("owner", b"/O<", b"/O()/X<"),
        ("identity", b"/ID[", b"/XX["),
        ("self", b"/Filter/Standard", b"/Filter 6 0 R"),
    ):
        yield Case(f"encrypted-broken-{label}.pdf", whole.replace(old, new))


# Office packages ---------------------------------------------------------------------------


def _laughs(root: str, levels: int = 12) -> str:
    entities = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(levels))
    return (
        f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY l0 "100.50">{entities}]>'
        f"<{root}>&l{levels};</{root}>"
    )


def repacked(body: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A package with its members changed; None leaves one out."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.infolist():
            data = change(member.filename, old.read(member))
            if data is not None:
                new.writestr(zipfile.ZipInfo(member.filename), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def with_member(body: bytes, name: str, data: bytes) -> bytes:
    """A package in which one member is replaced, or added."""
    plain = repacked(body, lambda member, old: None if member == name else old)
    out = io.BytesIO(plain)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def doctype(text: str, declaration: str) -> bytes:
    """XML with a document type declaration put before its root."""
    head, sep, rest = text.partition("?>")
    return f"{head}{sep}{declaration}{rest}".encode() if sep else (declaration + text).encode()


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet(rows: str, more: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData>{more}'
        f"</worksheet>"
    ).encode()


def workbook(rows: str, more: str = "", strings: bytes | None = None) -> bytes:
    """A rendered workbook whose first sheet is replaced."""
    body = with_member(originals()["book.xlsx"], "xl/worksheets/sheet1.xml", sheet(rows, more))
    return body if strings is None else with_member(body, "xl/sharedStrings.xml", strings)


def cell(place: str, value: str, kind: str = "n") -> str:
    return f'<c r="{place}" t="{kind}"><v>{value}</v></c>'


def workbooks(scale: int) -> Iterator[Case]:
    base = originals()["book.xlsx"]
    with zipfile.ZipFile(io.BytesIO(base)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    for name, replaced in (
        ("xl/sharedStrings.xml", "strings"),
        ("xl/workbook.xml", "workbook"),
        ("xl/styles.xml", "styles"),
        ("xl/worksheets/sheet1.xml", "sheet"),
        ("[Content_Types].xml", "types"),
        ("xl/_rels/workbook.xml.rels", "relations"),
    ):
        yield Case(f"xlsx-laughs-{replaced}.xlsx", with_member(base, name, _laughs("x").encode()))
        yield Case(f"xlsx-lost-{replaced}.xlsx", repacked(base, _without(name)))
        yield Case(f"xlsx-noise-{replaced}.xlsx", with_member(base, name, b"\xff\xfe<\0noise"))
        half = parts.get(name, b"")
        yield Case(f"xlsx-half-{replaced}.xlsx", with_member(base, name, half[: len(half) // 2]))
    for label, declaration in (
        ("external", '<!DOCTYPE sst [<!ENTITY e SYSTEM "file:///etc/hostname">]>'),
        ("remote", '<!DOCTYPE sst SYSTEM "http://127.0.0.1:9/x.dtd">'),
        ("parameter", '<!DOCTYPE sst [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'),
    ):
        text = f'<?xml version="1.0"?><sst xmlns="{_MAIN}"><si><t>&e;</t></si></sst>'
        yield Case(
            f"xlsx-entity-{label}.xlsx",
            with_member(base, "xl/sharedStrings.xml", doctype(text, declaration)),
        )
    corner = f'<row r="1">{cell("A1", "1")}</row><row r="1048576">{cell("XFD1048576", "2")}</row>'
    yield Case("xlsx-corners.xlsx", workbook(corner))
    yield Case("xlsx-column-beyond.xlsx", workbook(f'<row r="1">{cell("ZZZZZZZ1", "1")}</row>'))
    yield Case(
        "xlsx-row-beyond.xlsx", workbook(f'<row r="4294967295">{cell("A4294967295", "1")}</row>')
    )
    yield Case(
        "xlsx-place-odd.xlsx", workbook(f'<row r="-1">{cell("1A", "1")}{cell("", "2")}</row>')
    )
    wide = "".join(f'<c t="n"><v>{n % 7}</v></c>' for n in range(1_000_000))
    yield Case("xlsx-million-columns.xlsx", workbook(f'<row r="1">{wide}</row>'))
    merged = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    yield Case("xlsx-merged-all.xlsx", workbook(f'<row r="1">{cell("A1", "1")}</row>', merged))
    overlapping = '<mergeCell ref="A1:Z9999"/>' * 4 * scale
    yield Case("xlsx-merged-often.xlsx", workbook("", f"<mergeCells>{overlapping}</mergeCells>"))
    for label, value in (
        ("exponent", "1e999999999"),
        ("nan", "NaN"),
        ("infinity", "-INF"),
        ("long", "9" * 100_000),
        ("tiny", "1e-400"),
        ("words", "100.50万"),
    ):
        rows = "".join(
            f'<row r="{n}">{cell(f"A{n}", value)}{cell(f"B{n}", "5")}</row>' for n in range(1, 9)
        )
        yield Case(f"xlsx-number-{label}.xlsx", workbook(rows))
    beyond = f'<row r="1">{cell("A1", "4000000000", "s")}{cell("B1", "-1", "s")}</row>'
    yield Case("xlsx-string-beyond.xlsx", workbook(beyond))
    strings = f'<sst xmlns="{_MAIN}" count="4294967295" uniqueCount="4294967295">'.encode()
    yield Case("xlsx-strings-claimed.xlsx", workbook("", "", strings + b"</sst>"))
    yield Case(
        "xlsx-strings-bomb.xlsx",
        with_member(base, "xl/sharedStrings.xml", strings + b"<si><t>" + b"9" * (64 * scale << 20)),
    )
    many = b"<si><t>1</t></si>" * (400_000 * scale)
    yield Case(
        "xlsx-strings-many.xlsx",
        with_member(base, "xl/sharedStrings.xml", strings + many + b"</sst>"),
    )
    nested = "<a>" * 50_000 + "</a>" * 50_000
    yield Case("xlsx-deep.xlsx", workbook("", nested))
    yield Case("xlsx-sheets-many.xlsx", _many_sheets(base, 120 * scale))
    formats = (
        b'<styleSheet xmlns="%s"><numFmts count="1"><numFmt numFmtId="200" formatCode="%s"/>'
        % (
            _MAIN.encode(),
            b"#,##0.00_);[Red]" * 3_000 + b"0" * 30_000,
        )
    )
    formats += (
        b'</numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
        b'<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0"/>'
        b'</cellStyleXfs><cellXfs count="1"><xf numFmtId="200"/></cellXfs></styleSheet>'
    )
    rows = "".join(f'<row r="{n}">{cell(f"A{n}", f"{n}.5")}</row>' for n in range(1, 300))
    yield Case("xlsx-format-long.xlsx", with_member(workbook(rows), "xl/styles.xml", formats))
    formulas = "".join(
        f'<row r="{n}"><c r="A{n}"><f>{"(" * 2000}A{n}{")" * 2000}</f></c></row>'
        for n in range(1, 99)
    )
    yield Case("xlsx-formulas.xlsx", workbook(formulas))
    yield Case("spreadsheet-repeated.ods", _repeated_ods())
    yield Case(
        "binary.xlsb", _zip({"[Content_Types].xml": b"<x/>", "xl/workbook.bin": bytes(9999)})
    )
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    for label, mark in (("Workbook", "xls"), ("WordDocument", "doc"), ("EncryptedPackage", "xlsx")):
        stream = label.encode("utf-16-le") + bytes(2)
        noise = random.Random(7).randbytes(20_000)
        yield Case(f"ole-noise-{label}.{mark}", ole + bytes(24) + noise + stream + noise)
        header = ole + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
        circle = header + struct.pack("<IIIIIIII", 1, 0, 0, 4096, 0, 2**31, 0, 2**31)
        circle = circle.ljust(512, b"\0") + bytes(1024) + stream.ljust(512, b"\0")
        yield Case(f"ole-ring-{label}.{mark}", circle)


def _without(name: str) -> Callable[[str, bytes], bytes | None]:
    return lambda member, data: None if member == name else data


def _many_sheets(base: bytes, count: int) -> bytes:
    sheets = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, count))
    book = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
        f'relationships"><sheets>{sheets}</sheets></workbook>'
    )
    return with_member(base, "xl/workbook.xml", book.encode())


def _zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as package:
        for name, data in members.items():
            package.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def _repeated_ods() -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<o:document-content xmlns:o="{names}office:1.0" xmlns:t="{names}table:1.0"'
        f' xmlns:x="{names}text:1.0"><o:body><o:spreadsheet><t:table t:name="a">'
        f'<t:table-row t:number-rows-repeated="1000000"><t:table-cell o:value-type="float"'
        f' o:value="1" t:number-columns-repeated="16000"><x:p>1</x:p></t:table-cell>'
        f"</t:table-row></t:table></o:spreadsheet></o:body></o:document-content>"
    )
    manifest = f'<m:manifest xmlns:m="{names}manifest:1.0"/>'
    return _zip(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest.encode(),
            "content.xml": content.encode(),
        }
    )


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TITLE = "<w:p><w:r><w:t>某市某局2023年度部门决算</w:t></w:r></w:p>"


def word(content: str, prolog: str = "") -> bytes:
    """A rendered Word document whose body is replaced."""
    xml = f'{prolog}<w:document xmlns:w="{_W}"><w:body>{_TITLE}{content}</w:body></w:document>'
    return with_member(originals()["word.docx"], "word/document.xml", xml.encode())


def documents(scale: int) -> Iterator[Case]:
    base = originals()["word.docx"]
    for depth in (100, 3_000):
        start, end = "<w:tbl><w:tr><w:tc>", "<w:p/></w:tc></w:tr></w:tbl>"
        yield Case(f"docx-nested-{depth}.docx", word(start * depth + end * depth))
    # Each of eighty levels holds the next one; a reader that reads tables anew at each level
    # takes the square of it, one that reads them twice 2 ** 80.
    level = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>1.00</w:t></w:r></w:p>"
    yield Case("docx-nested-text.docx", word(level * 80 + "</w:tc></w:tr></w:tbl>" * 80))
    for name, properties in (
        ("span", '<w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>'),
        ("span-odd", '<w:tcPr><w:gridSpan w:val="x"/></w:tcPr>'),
        ("span-negative", '<w:tcPr><w:gridSpan w:val="-9"/></w:tcPr>'),
        ("merge-odd", '<w:tcPr><w:vMerge w:val="x"/></w:tcPr>'),
    ):
        body = f"<w:tbl><w:tr><w:tc>{properties}<w:p/></w:tc></w:tr></w:tbl>"
        yield Case(f"docx-{name}.docx", word(body))
    row = '<w:trPr><w:gridBefore w:val="2000000000"/></w:trPr>'
    yield Case("docx-before.docx", word(f"<w:tbl><w:tr>{row}<w:tc><w:p/></w:tc></w:tr></w:tbl>"))
    tables = "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>" * 5_000 * scale
    yield Case("docx-tables-many.docx", word(tables))
    cells = "<w:tc><w:p><w:r><w:t>1.00</w:t></w:r></w:p></w:tc>" * 20_000
    yield Case("docx-cells-many.docx", word(f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"))
    yield Case("docx-paragraphs.docx", word("<w:p/>" * 20_000 * scale))
    yield Case("docx-long.docx", word(f"<w:p><w:r><w:t>{'9' * 300_000 * scale}</w:t></w:r></w:p>"))
    deep = "<w:ins>" * 30_000 + "</w:ins>" * 30_000
    yield Case("docx-deep.docx", word(f"<w:p>{deep}</w:p>"))
    for name, label in (
        ("word/document.xml", "document"),
        ("word/styles.xml", "styles"),
        ("[Content_Types].xml", "types"),
        ("_rels/.rels", "relations"),
    ):
        yield Case(f"docx-laughs-{label}.docx", with_member(base, name, _laughs("x").encode()))
        yield Case(f"docx-lost-{label}.docx", repacked(base, _without(name)))
        yield Case(f"docx-noise-{label}.docx", with_member(base, name, b"\0\xff<noise"))
    # The declaration beyond the first kilobytes, behind a comment.
    late = f"<!--{'x' * 9_000}--><!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
    yield Case("docx-entity-late.docx", word("<w:p><w:r><w:t>&e;</w:t></w:r></w:p>", late))
    wide = "<w:p><w:r><w:t>某市某局2023年度部门决算</w:t></w:r></w:p>"
    xml = f'<?xml version="1.0" encoding="UTF-16"?><w:document xmlns:w="{_W}">'
    xml += f"<w:body>{wide}</w:body></w:document>"
    yield Case("docx-utf16.docx", with_member(base, "word/document.xml", xml.encode("utf-16")))


# Archives ----------------------------------------------------------------------------------


def quoted_bomb(files: int, kilobytes: int) -> bytes:
    """Members that share one compressed kernel: the directory names it many times."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = bytes(kilobytes << 10)
    squeezed = kernel.compress(data) + kernel.flush()
    crc = zlib.crc32(data)
    local = struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(squeezed), len(data), 1, 0
    )
    body = local + b"a" + squeezed
    directory = b"".join(
        struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(squeezed), len(data), 8, 0, 0, 0, 0, 0, 0),
        )
        + b"%08d" % n
        for n in range(files)
    )
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, files, files, len(directory), len(body), 0)
    return body + directory + end


def archives(scale: int) -> Iterator[Case]:
    good = originals()["book.xlsx"]
    yield Case("zip-quoted.zip", quoted_bomb(20_000, 1024 * scale))
    # The same under the names of a workbook.
    yield Case("zip-quoted.xlsx", quoted_bomb(200, 1024) + b"xl/")
    yield Case("zip-empty.zip", _zip({}))
    yield Case("zip-members-many.zip", _zip({f"{n}.txt": b"" for n in range(30_000)}, 0))
    yield Case("zip-bomb.zip", _zip({"a.xlsx": bytes(200 * scale << 20)}))
    inner = good
    for _ in range(12):
        inner = _zip({"a.zip": inner, "b.zip": inner})
    yield Case("zip-nested.zip", inner)
    yield Case(
        "zip-paths.zip",
        _zip(
            {
                "../../../tmp/escaped.xlsx": good,
                "/tmp/absolute.xlsx": good,
                "C:\\windows\\a.xlsx": good,
                "a/../../b.xlsx": good,
                "con.xlsx": good,
                "x" * 5_000 + ".xlsx": good,
            }
        ),
    )
    link = zipfile.ZipInfo("link.xlsx")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(link, "/etc/hostname")
    yield Case("zip-link.zip", out.getvalue())
    once = _zip({"a.xlsx": good, "b.xlsx": good}, 0)
    yield Case("zip-twice.zip", once.replace(b"b.xlsx", b"a.xlsx"))
    yield Case("xlsx-twice.xlsx", _doubled(good))
    stored = _zip({"a.txt": b"text " * 99}, 0)
    central = stored.rfind(b"PK\1\2")
    for label, offset, value in (
        ("encrypted", 8, b"\x01\x00"),
        ("method", 10, b"\x63\x00"),
        ("checksum", 16, b"\0\0\0\0"),
        ("length", 24, b"\xff\xff\xff\x7f"),
        ("packed", 20, b"\xff\xff\xff\x7f"),
        ("offset", 42, b"\xff\xff\xff\x7f"),
        ("version", 6, b"\xff\xff"),
    ):
        at = central + offset
        yield Case(f"zip-{label}.zip", stored[:at] + value + stored[at + len(value) :])
        yield Case(f"xlsx-{label}.xlsx", _patched_last(good, offset, value))
    end = stored.rfind(b"PK\5\6")
    yield Case("zip-directory-beyond.zip", stored[: end + 12] + b"\xff" * 8 + b"\0\0")
    yield Case("zip-sixtyfour.zip", stored[:end] + b"PK\6\7" + b"\xff" * 16 + stored[end:])
    yield Case("zip-comment.zip", stored[:-2] + b"\xff\xff" + stored[:99])
    yield Case("zip-headers.zip", b"PK\3\4" * 100_000)
    yield Case("gzip-bomb.gz", gzip.compress(bytes(100 * scale << 20), mtime=0))
    yield Case("gzip-cut.gz", gzip.compress(good, mtime=0)[:500])
    yield Case("rar-noise.rar", b"Rar!\x1a\x07\x01\x00" + random.Random(8).randbytes(3_000))
    yield Case("rar4-noise.rar", b"Rar!\x1a\x07\x00" + random.Random(9).randbytes(3_000))
    yield Case("seven-noise.7z", b"7z\xbc\xaf\x27\x1c" + random.Random(10).randbytes(3_000))
    yield from _ofd_packages(scale)


def _doubled(body: bytes) -> bytes:
    """A workbook that holds its first sheet twice, with other figures."""
    plain = with_member(
        body, "xl/worksheets/sheet9.xml", sheet(f'<row r="1">{cell("A1", "7")}</row>')
    )
    return plain.replace(b"xl/worksheets/sheet9.xml", b"xl/worksheets/sheet1.xml")


def _patched_last(body: bytes, offset: int, value: bytes) -> bytes:
    at = body.rfind(b"PK\1\2") + offset
    return body[:at] + value + body[at + len(value) :]


def _ofd_packages(scale: int) -> Iterator[Case]:
    ns = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    root = (
        f"<ofd:OFD {ns} DocType='OFD' Version='1.0'><ofd:DocBody><ofd:DocInfo/>"
        "<ofd:DocRoot>{}</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    )
    document = (
        f"<ofd:Document {ns}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 {{box}}"
        "</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages>{pages}</ofd:Pages>"
        "</ofd:Document>"
    )
    text = f"<ofd:Page {ns}><ofd:Content><ofd:Layer>{{}}</ofd:Layer></ofd:Content></ofd:Page>"
    line = (
        "<ofd:TextObject ID='{0}' Boundary='10 {0} 99 5' Font='1' Size='3'>"
        "<ofd:TextCode X='0' Y='3' DeltaX='{1}'>合计 100.50</ofd:TextCode></ofd:TextObject>"
    )
    page = "<ofd:Page ID='{0}' BaseLoc='{1}'/>"

    def package(
        entry: str = "Doc_0/Document.xml",
        box: str = "210 297",
        pages: str = page.format(1, "P/C.xml"),
        content: str = text.format("".join(line.format(n, "3 3 3") for n in range(1, 40))),
        more: Mapping[str, bytes] | None = None,
    ) -> bytes:
        members = {
            "OFD.xml": root.format(entry).encode(),
            "Doc_0/Document.xml": document.format(box=box, pages=pages).encode(),
            "Doc_0/P/C.xml": content.encode(),
        }
        return _zip(members | dict(more or {}))

    yield Case("ofd-plain.ofd", package())
    yield Case("ofd-root-self.ofd", package(entry="OFD.xml"))
    yield Case("ofd-root-outside.ofd", package(entry="../../../../etc/hostname"))
    yield Case("ofd-root-absolute.ofd", package(entry="/etc/hostname"))
    yield Case("ofd-pages-self.ofd", package(pages=page.format(1, "Document.xml") * 50))
    yield Case("ofd-pages-same.ofd", package(pages=page.format(1, "P/C.xml") * 50_000))
    yield Case("ofd-pages-lost.ofd", package(pages=page.format(1, "P/none.xml")))
    yield Case("ofd-box-huge.ofd", package(box="1e30 1e30"))
    yield Case("ofd-box-odd.ofd", package(box="a b"))
    yield Case("ofd-delta-huge.ofd", package(content=text.format(line.format(1, "g 2000000000 1"))))
    yield Case("ofd-delta-odd.ofd", package(content=text.format(line.format(1, "g g x"))))
    many = "".join(line.format(n, "3") for n in range(30_000 * scale))
    yield Case("ofd-objects-many.ofd", package(content=text.format(many)))
    deep = "<ofd:PageBlock>" * 20_000 + "</ofd:PageBlock>" * 20_000
    yield Case("ofd-deep.ofd", package(content=text.format(deep)))
    yield Case("ofd-laughs.ofd", package(more={"OFD.xml": _laughs("x").encode()}))
    yield Case("ofd-laughs-page.ofd", package(content=_laughs("x")))
    external = f"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>{text.format('&e;')}"
    yield Case("ofd-entity.ofd", package(content=external))
    yield Case("ofd-bomb.ofd", package(content=text.format(" " * (100 * scale << 20))))
    yield Case("ofd-cut.ofd", package()[:300])
    draw = random.Random(12)
    for number in range(6):
        yield Case(f"ofd-flip-{number}.ofd", flipped(package(), draw, 3))


# Pages and texts ---------------------------------------------------------------------------

_HEAD = "<html><head><title>某市某局2023年度部门决算</title></head><body>"
_FORM_05 = "<p>一般公共预算财政拨款支出决算表</p><p>公开05表 单位：万元</p>"


def pages(scale: int) -> Iterator[Case]:
    def page(content: str, head: str = _HEAD) -> bytes:
        return (head + _FORM_05 + content).encode()

    row = "<tr><td>2010101</td><td>行政运行</td><td>1.00</td></tr>"
    yield Case("html-large.html", page(f"<table>{row * (8_000 * scale)}</table>"))
    yield Case("html-tables-many.html", page(f"<table>{row}</table>" * 8_000 * scale))
    yield Case("html-divs-deep.html", page("<div>" * 100_000 + "1.00"))
    yield Case("html-tables-deep.html", page("<table><tr><td>" * 3_000 + "1.00"))
    yield Case("html-spans-deep.html", page("<b><i>" * 50_000 + "1.00"))
    span = '<td colspan="99999999" rowspan="99999999">1.00</td>'
    yield Case("html-spans.html", page(f"<table>{('<tr>' + span * 50 + '</tr>') * 200}</table>"))
    yield Case(
        "html-cells-wide.html", page(f"<table><tr>{'<td>1.00</td>' * 30_000 * scale}</tr></table>")
    )
    yield Case("html-unclosed.html", page("<table><tr><td" * 20_000))
    yield Case("html-attribute.html", page(f'<p title="{"x" * 3_000_000}">1.00</p>'))
    yield Case(
        "html-attributes.html", page(f"<p {' '.join(f'a{n}' for n in range(6_000 * scale))}>1</p>")
    )
    yield Case("html-entities.html", page("&amp;&#x110000;&#xD800;&#0;&nope;" * 20_000))
    yield Case("html-comment.html", page("<!--" * 100_000))
    yield Case("html-script.html", page("<script>while(true){}</script><script>" + "<" * 99_999))
    laughs = _laughs("html").replace(
        "</html>", "<body><table><tr><td>&l9;</td></tr></table></html>"
    )
    yield Case("html-laughs.html", laughs.encode())
    yield Case("html-nul.html", page("<p>1\0.\x00 00</p>" * 3_000))
    for charset in ("punycode", "idna", "utf-7", "utf-16", "unicode_escape", "zip", "x" * 9_000):
        head = f'<html><head><meta charset="{charset}"></head><body>'
        yield Case(f"html-charset-{charset[:20]}.html", page("<p>x-1.00</p>" * 30_000, head))
        gbk = (head + _FORM_05 + "<p>合计 1.00</p>" * 2_000).encode("gb18030")
        yield Case(f"html-charset-gbk-{charset[:20]}.html", gbk)


def texts(scale: int) -> Iterator[Case]:
    title = "某市某局2023年度部门决算\n一般公共预算财政拨款支出决算表\n公开05表 单位：万元\n"
    many = 20_000 * scale
    for label, body in (
        ("nul", (title + "1.00\0" * 999).encode()),
        ("one-line", (title + "合计 100.50 " * many).encode()),
        ("one-word", (title + "收" * (10 * many)).encode()),
        ("digits", (title + "9" * (10 * many)).encode()),
        ("commas", (title + "1,1" * (3 * many)).encode()),
        ("blanks", (title + " " * (10 * many) + "x").encode()),
        ("ideographic-blanks", (title + "合\u3000" * many).encode()),
        ("brackets", (title + "（《【(" * many).encode()),
        ("dots", (title + "....．．" * many).encode()),
        ("tabs", (title + "1.00\t" * many).encode()),
        ("tab-lines", (title + "\t\n" * many).encode()),
        ("lines", (title + "\n" * (5 * many)).encode()),
        ("form-feeds", (title + "\f" * many).encode()),
        ("titles", (title * 2_000 * scale).encode()),
        ("titles-one-line", (title.replace("\n", "") * 2_000 * scale).encode()),
        ("forms", (title + "2010101 行政运行 1.00 1.00 0.00\n" * 5_000 * scale).encode()),
        (
            "sentences",
            (title + "2023年度支出100.50万元，增长12.5%，占5%。" * 3_000 * scale).encode(),
        ),
        ("years", (title + "2023年度" * 10_000 * scale).encode()),
        ("surrogates", title.encode() + b"\xed\xa0\x80\xed\xbf\xbf 1.00\n" * 999),
        ("latin", b"caf\xe9 1.00 \xff\xfe\n" * 999),
        ("utf16", (title + "合计 1.00\n" * 99).encode("utf-16")),
        ("utf16-odd", (title + "合计 1.00\n" * 99).encode("utf-16") + b"\xd8"),
        ("utf16-bare", (title + "合计 1.00\n" * 99).encode("utf-16-le")),
        ("utf32", (title + "合计 1.00\n" * 99).encode("utf-32")),
        ("gbk-broken", (title + "合计 1.00\n" * 99).encode("gb18030") + b"\x81\xff\x80" * 9),
        ("mixed", title.encode() + (title + "合计 1.00\n").encode("gb18030")),
        ("controls", (title + "\x01\x02\x1b[31m1.00\x7f\n" * 99).encode()),
        ("bidi", (title + "\u202e05.001 计合\u202c\n" * 999).encode()),
        ("combining", (title + "合" + "\u0301" * 100_000).encode()),
        ("marks", ("\ufeff" * 9_999 + title).encode()),
        ("xml", _laughs("x").encode()),
        ("xml-deep", b'<?xml version="1.0"?>' + b"<a>" * 100_000),
    ):
        yield Case(f"text-{label}.txt", body)


def odds(draw: random.Random) -> Iterator[Case]:
    yield Case("empty.pdf", b"")
    yield Case("blank.docx", b" \r\n\t" * 1_000)
    yield Case("zeros.xlsx", bytes(100_000))
    for number in range(4):
        yield Case(f"noise-{number}.bin", draw.randbytes(50_000))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    png = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    )
    yield Case("picture-huge.png", png + chunk(b"IDAT", bomb(b"\0", 64)) + chunk(b"IEND", b""))
    yield Case("picture-cut.png", png + b"\0\0")
    ring = struct.pack("<HIHHHIII", 42, 8, 1, 256, 4, 1, 99_999_999, 8)
    yield Case("picture-ring.tif", b"II" + ring)
    yield Case("picture-noise.tif", b"MM\0*" + draw.randbytes(9_000))
    yield Case("picture-noise.jpg", b"\xff\xd8\xff\xe0" + draw.randbytes(9_000))
    huge = b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    yield Case("picture-huge.jpg", huge + bytes(999))
    yield Case("picture-huge.gif", b"GIF89a\xff\xff\xff\xff\xf7\0\0" + draw.randbytes(3_000))
    bitmap = struct.pack(
        "<2sIHHIIiiHHIIiiII", b"BM", 99, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, *([0] * 6)
    )
    yield Case("picture-huge.bmp", bitmap + bytes(99))


def write_corpus(folder: Path, scale: int = 1) -> list[tuple[Case, Path]]:
    """Write all files into a folder; their paths with what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for case in corpus(scale=scale):
        path = folder / case.name
        path.write_bytes(case.body)
        written.append((case, path))
    return written


if __name__ == "__main__":
    print(len(write_corpus(Path(sys.argv[1]))), "files")
