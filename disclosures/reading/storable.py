"""Readings without characters that no database and no file in UTF-8 can hold."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

# Fonts with hostile or broken character maps yield halves of surrogate pairs and NULs.
_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def storable(value: T) -> T:
    """The same value, with U+FFFD for NUL, other controls and lone surrogates in all its texts.

    Goes into tuples, mappings and dataclasses; what holds no such text is returned as it is.
    """
    return cast(T, _storable(value))


_TEXTLESS: Final = frozenset({int, float, bool, type(None), Decimal})


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        if value.isprintable() or not _UNSTORABLE.search(value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)
    if type(value) in _TEXTLESS:
        return value
    if isinstance(value, tuple):
        for item in value:
            if type(item) not in _TEXTLESS:
                break
        else:
            return value
        changed = tuple([_storable(item) for item in value])
        same = all(map(operator.is_, changed, value))
        return value if same else changed
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        differing = {
            name: new
            for name in _names(type(value))
            if (new := _storable(old := getattr(value, name))) is not old
        }
        return dataclasses.replace(value, **differing) if differing else value
    return value
