"""The classification of government revenue and expenditure (政府收支分类科目).

``economic_codes.yaml`` lists the economic classes and items of departments' expenditure. It is no
official edition: a code that it lacks may well exist.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import yaml

from disclosures.forms import squeeze

#: Below this share of common characters a name is not taken for a wording of another.
_ALIKE: Final = 0.5


@cache
def economic_names() -> dict[str, tuple[str, ...]]:
    """The names of each economic code, the present one first."""
    text = (files(__package__) / "economic_codes.yaml").read_text(encoding="utf-8")
    return {str(code): tuple(names) for code, names in yaml.safe_load(text).items()}


@cache
def _of_names() -> dict[str, frozenset[str]]:
    """The codes that bear a name."""
    found: dict[str, set[str]] = {}
    for code, names in economic_names().items():
        for name in names:
            found.setdefault(squeeze(name), set()).add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


@lru_cache(maxsize=4096)
def bears_name(code: str, printed: str) -> bool | None:
    """Whether a printed name may be that of an economic code; None for a code not listed and for
    a blank. Parts of the name (cells cut it) and other wordings of it are; the whole name of
    another code is not."""
    names = economic_names().get(code)
    plain = squeeze(printed)
    if names is None or not plain:
        return None
    own = [squeeze(name) for name in names]
    if any(plain in name or name in plain for name in own):
        return True
    if plain in _of_names():
        return False
    return any(SequenceMatcher(None, plain, name).ratio() >= _ALIKE for name in own)
