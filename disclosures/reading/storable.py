"""Readings without characters that no database and no file in UTF-8 can hold."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

# Fonts with hostile or broken character maps yield halves of surrogate pairs and NULs.
_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def storable(value: T) -> T:
    """The same value, with U+FFFD for NUL, other controls and lone surrogates in all its texts.

    Goes into tuples, mappings and dataclasses; what holds no such text is returned as it is.
    """
    return cast(T, _storable(value))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        if value.isprintable() or not _UNSTORABLE.search(value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, tuple):
        changed = tuple(_storable(item) for item in value)
        same = all(new is old for new, old in zip(changed, value, strict=True))
        return value if same else changed
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        differing = {
            field.name: new
            for field in dataclasses.fields(value)
            if (new := _storable(old := getattr(value, field.name))) is not old
        }
        return dataclasses.replace(value, **differing) if differing else value
    return value
