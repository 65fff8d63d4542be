"""Compressed answers: unpacked under the size limit, and whole or not at all.

Scrapy's own middleware gives what it could unpack of a damaged stream; half a page would then
pass for a whole one.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

import brotli
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_STEP: Final = 64 * 1024
_LAYERS: Final = 3


class DamagedEncodingError(IgnoreRequest):
    """A compressed body that ends early or is none."""


class OversizedError(IgnoreRequest):
    """A compressed body that unpacks to more than the limit."""


class StrictCompressionMiddleware(HttpCompressionMiddleware):
    """Unpacks gzip, deflate, br and zstd."""

    def process_response(
        self, request: Request, response: Response, spider: Any = None
    ) -> Request | Response:
        """Raises:
        DamagedEncodingError, OversizedError: the body cannot be had as it was sent.
        """
        if response.status == 304 or not response.body:
            return response
        return super().process_response(request, response)

    def _handle_encoding(
        self, body: bytes, content_encoding: list[bytes], max_size: int
    ) -> tuple[bytes, list[bytes]]:
        to_decode, to_keep = self._split_encodings(content_encoding)
        if len(to_decode) > _LAYERS:
            raise OversizedError(f"{len(to_decode)} 层压缩")
        for encoding in to_decode:
            body = unpack(body, encoding.decode("latin-1"), max_size)
        return body, to_keep


def unpack(body: bytes, encoding: str, max_size: int) -> bytes:
    """The body that was sent under ``encoding``; ``max_size`` in bytes, 0 for none.

    Raises:
        DamagedEncodingError: it is not that, or not whole.
        OversizedError: it is larger than ``max_size``.
    """
    try:
        if encoding in {"gzip", "x-gzip"}:
            return _inflate(body, 31, max_size)
        if encoding == "deflate":
            try:
                return _inflate(body, 15, max_size)
            except zlib.error:  # some servers send it without its envelope
                return _inflate(body, -15, max_size)
        if encoding == "br":
            return _unbrotli(body, max_size)
        return _unzstd(body, max_size)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise DamagedEncodingError(f"{encoding}：{error}") from error


def _collect(step: Callable[[], bytes], done: Callable[[], bool], max_size: int) -> bytes:
    """Pieces until the stream is done.

    Raises:
        DamagedEncodingError: nothing more comes although it is not done.
    """
    pieces: list[bytes] = []
    size = 0
    while not done():
        piece = step()
        size += len(piece)
        if max_size and size > max_size:
            raise OversizedError(f"解压后超过 {max_size} 字节")
        if not piece and not done():
            raise DamagedEncodingError("压缩内容不完整")
        pieces.append(piece)
    return b"".join(pieces)


def _inflate(body: bytes, window: int, max_size: int) -> bytes:
    unpacked = bytearray()
    while True:
        stream = zlib.decompressobj(wbits=window)
        rest = body

        def step(stream: Any = stream) -> bytes:
            nonlocal rest
            piece: bytes = stream.decompress(rest, _STEP)
            rest = stream.unconsumed_tail
            return piece

        left = max_size - len(unpacked) if max_size else 0
        if max_size and left <= 0:
            raise OversizedError(f"解压后超过 {max_size} 字节")
        unpacked += _collect(step, lambda stream=stream: stream.eof, left)  # type: ignore[misc]
        body = stream.unused_data
        # A gzip file may have several members; anything else after the end is no part of it.
        if window != 31 or not body.startswith(b"\x1f\x8b"):
            return bytes(unpacked)


def _unbrotli(body: bytes, max_size: int) -> bytes:
    stream = brotli.Decompressor()
    given = body

    def step() -> bytes:
        nonlocal given
        piece: bytes = stream.process(given, output_buffer_limit=_STEP)
        given = b""
        return piece

    return _collect(step, stream.is_finished, max_size)


def _unzstd(body: bytes, max_size: int) -> bytes:
    stream = zstd.ZstdDecompressor()
    given = body

    def step() -> bytes:
        nonlocal given
        piece: bytes = stream.decompress(given, _STEP)
        given = b""
        return piece

    return _collect(step, lambda: stream.eof, max_size)
