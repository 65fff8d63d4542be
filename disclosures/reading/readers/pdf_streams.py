"""Whether the compressed streams of a PDF are whole.

PDF readers unpack a damaged stream as far as they can and ignore its checksum: all of them then
show the same changed figure, or miss the same rows, and their agreement proves nothing.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_STREAM: Final = b"stream"
_DEFLATED: Final = re.compile(rb"/(?:Filter|F)\s*\[?\s*/(?:FlateDecode|Fl)\b")
# Nothing that tells figures: outlines of letters, pictures, metadata.
_MUTE: Final = re.compile(
    rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType|XML)\b|/Length1\b|/Type\s*/EmbeddedFile"
)
_LONGEST_HEADER: Final = 4096
_CHUNK: Final = 2**20
#: Unpacked bytes beyond which a file is refused; pages of one disclosure have some MB.
MAX_UNPACKED_BYTES: Final = 512 * 2**20
_REMOVE_SECURITY: Final = 3  # FPDF_REMOVE_SECURITY


def stream_damage(path: Path, body: bytes) -> str | None:
    """Why the compressed streams of a PDF cannot be trusted, or None.

    An encrypted file that opens without a password is looked at as decrypted; one that does not
    open says nothing here, and whoever opens it says why.
    """
    if b"/Encrypt" in body:
        body = _decrypted(path)
    damaged, count, left = 0, 0, MAX_UNPACKED_BYTES
    at = 0
    # Plain searching: a pattern takes several times as long over megabytes of fonts.
    while (found := body.find(_STREAM, at)) >= 0:
        at = found + len(_STREAM)
        line_end = 1 if body.startswith(b"\n", at) else 2 if body.startswith(b"\r\n", at) else 0
        if not line_end or body.startswith(b"end", max(0, found - 3)):
            continue
        start = at = at + line_end
        opened = body.rfind(b"obj", max(0, found - _LONGEST_HEADER), found)
        header = body[opened:found] if opened >= 0 else b""
        if not _DEFLATED.search(header) or _MUTE.search(header):
            continue
        count += 1
        consumed, unpacked, whole = _unpack(body, start, left)
        left -= unpacked
        if left <= 0:
            return f"文件解压后超过{MAX_UNPACKED_BYTES >> 20} MB，正常的文件不会如此"
        damaged += not whole
        if whole:
            at = start + consumed
    if damaged:
        return f"文件已损坏：{count}段压缩内容中有{damaged}段校验和不符，请重新下载"
    return None


def _unpack(body: bytes, start: int, most: int) -> tuple[int, int, bool]:
    """Bytes read and unpacked, and whether the stream reached its end with its checksum."""
    inflate = zlib.decompressobj()
    at, unpacked = start, 0
    view = memoryview(body)
    try:
        while not inflate.eof and unpacked <= most:
            piece = inflate.unconsumed_tail
            if not piece:
                piece = bytes(view[at : at + 65536])
                at += len(piece)
                if not piece:
                    return at - start, unpacked, False
            unpacked += len(inflate.decompress(piece, _CHUNK))
    except zlib.error:
        return at - start, unpacked, False
    return at - start - len(inflate.unused_data), unpacked, True


def _decrypted(path: Path) -> bytes:
    """The file without encryption; nothing when it cannot be opened."""
    import pypdfium2

    buffer = io.BytesIO()
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return b""
    try:
        document.save(buffer, flags=_REMOVE_SECURITY)
    finally:
        document.close()
    return buffer.getvalue()


_LINE_END: Final = re.compile(rb"[ \t]*[\r\n]+")
_SUBSECTION: Final = re.compile(rb"\s*(\d{1,10})[ ]+(\d{1,7})[ \t]*[\r\n]+")
_OBJECT: Final = re.compile(rb"\s*(\d{1,10})\s+\d{1,7}\s+obj")
_ENTRY: Final = re.compile(rb"(\d{10}) (\d{5}) ([nf])[ \r\n]{1,2}")
# As the format wants them: entries of 20 bytes.
_ENTRIES: Final = re.compile(rb"(?:\d{10} \d{5} [nf][ \r\n]{2})*")
_ENTRY_BYTES: Final = 20
_IN_USE: Final = ord("n")


def _is_at(body: bytes, offset: int, number: int) -> bool:
    if body.startswith(b"%d 0 obj" % number, offset):
        return True
    there = _OBJECT.match(body, offset)
    return there is not None and int(there[1]) == number


def _loose_entries(
    body: bytes, at: int, first: int, count: int
) -> tuple[Iterable[tuple[int, int, int]], int, bool]:
    """Entries (number, offset, use) whose line ends are short, where they end, and whether all
    that are claimed are there."""
    entries: list[tuple[int, int, int]] = []
    for number in range(first, first + count):
        entry = _ENTRY.match(body, at)
        if not entry:
            return entries, at, False
        at = entry.end()
        entries.append((number, int(entry[1]), entry[3][0]))
    return entries, at, True


def directory_damage(body: bytes) -> str | None:
    """Why the table of objects of a PDF cannot be trusted, or None.

    Readers treat an object that is not where the table says as empty: its page loses its text in
    silence. Where no object at all is in its place the table is shifted as a whole, which readers
    notice and mend.
    """
    listed = lost = 0
    at = 0
    while (found := body.find(b"xref", at)) >= 0:
        at = found + 4
        section = _LINE_END.match(body, at)
        if section is None or body.startswith(b"start", max(0, found - 5)):
            continue
        at = section.end()
        while head := _SUBSECTION.match(body, at):
            at = head.end()
            first, count = int(head[1]), int(head[2])
            block = body[at : at + count * _ENTRY_BYTES]
            entries: Iterable[tuple[int, int, int]]
            if len(block) == count * _ENTRY_BYTES and _ENTRIES.fullmatch(block):
                at += len(block)
                entries = (
                    (
                        first + place // _ENTRY_BYTES,
                        int(block[place : place + 10]),
                        block[place + 17],
                    )
                    for place in range(0, len(block), _ENTRY_BYTES)
                )
            else:
                entries, at, whole = _loose_entries(body, at, first, count)
                # Some producers claim an entry too many.
                lost += not whole and not body.startswith(b"trailer", at)
            for number, offset, use in entries:
                right = offset > 0 and _is_at(body, offset, number)
                # A free entry holds a number of the list of free objects, no offset.
                if offset and use == _IN_USE:
                    listed += 1
                    lost += not right
                elif right:
                    lost += 1
    if 0 < lost < listed:
        return f"文件已损坏：{listed}个对象中有{lost}个不在目录所指之处，请重新下载"
    return None
