"""Which reader is at work: a process that dies or hangs over a document is asked that afterwards,
and the document is read again without the reader that it was lost over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from disclosures.reading.readers.base import UnreadableError

_Tell = Callable[[str], None]


def _nobody(name: str) -> None:
    """Outside workers nobody is told."""


_tell: _Tell = _nobody
_left_out: Mapping[str, str] = MappingProxyType({})


@contextmanager
def watched(tell: _Tell, left_out: Mapping[str, str]) -> Iterator[None]:
    """While one document is read: ``tell`` hears the name of every reader that begins and "" when
    it has ended; those in ``left_out`` do not begin, for the reasons given there."""
    global _tell, _left_out
    _tell, _left_out = tell, left_out
    try:
        yield
    finally:
        _tell, _left_out = _nobody, MappingProxyType({})


@contextmanager
def reader(name: str) -> Iterator[None]:
    """While one reader is at work.

    Raises:
        UnreadableError: it is left out of this document.
    """
    if name in _left_out:
        raise UnreadableError(f"未用{name}读取本文件：{_left_out[name]}")
    _tell(name)
    try:
        yield
    finally:
        _tell("")
