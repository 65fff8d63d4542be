"""The classification of government revenue and expenditure (政府收支分类科目).

``economic_codes.yaml`` lists the economic classes and items of departments' expenditure,
``functional_codes.yaml`` sections and items of the functional one. Neither is an official
edition: a code that they lack may well exist. The functional classes (``forms/classes.yaml``) are
all there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import yaml

from disclosures.forms import expense_classes, squeeze

#: Below this share of common characters a name is not taken for a wording of another.
_ALIKE: Final = 0.5


@cache
def economic_names() -> dict[str, tuple[str, ...]]:
    """The names of each economic code, the present one first."""
    return _listed("economic_codes.yaml")


@cache
def functional_names() -> dict[str, tuple[str, ...]]:
    """The names of each functional code, 类 included, the present one first."""
    classes = {one.code: (one.title, *one.aliases) for one in expense_classes()}
    return {**classes, **_listed("functional_codes.yaml")}


def _listed(file: str) -> dict[str, tuple[str, ...]]:
    text = (files(__package__) / file).read_text(encoding="utf-8")
    return {str(code): tuple(names) for code, names in yaml.safe_load(text).items()}


def _by_name(codes: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """The codes that bear a name."""
    found: dict[str, set[str]] = {}
    for code, names in codes.items():
        for name in names:
            found.setdefault(squeeze(name), set()).add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


@cache
def _of_names() -> dict[str, frozenset[str]]:
    return _by_name(economic_names())


@cache
def _of_functional_names() -> dict[str, frozenset[str]]:
    return _by_name(functional_names())


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


#: 款 and 项 of "other" expenditure end so, and say so.
_OTHER: Final = re.compile(r"\d{3}(?:\d\d)?99")
_SAYS_OTHER: Final = "其他"
#: A shorter name is a part of one.
_A_NAME: Final = 4


@lru_cache(maxsize=8192)
def functional_name_differs(code: str, printed: str) -> str | None:
    """What speaks against a printed name being that of a functional code (Chinese), or None.

    Two things do: the whole name of another code of the same 类 (rows may have slipped), and a
    name that does not say "other" for a code that ends in 99. That a name is unlike the one known
    here says nothing, for names change from year to year.
    """
    plain = squeeze(printed)
    own = [squeeze(name) for name in functional_names().get(code, ())]
    if not plain or any(plain in name or name in plain for name in own):
        return None
    others = _of_functional_names().get(plain, frozenset())
    alike = sorted(other for other in others if other[:3] == code[:3] or len(code) == 3)
    if own and alike:
        return (
            f"印为“{printed}”，那是 {alike[0]} 的名称；{code} 应为“{functional_names()[code][0]}”"
        )
    says = not own or any(_SAYS_OTHER in name for name in own)
    if _OTHER.fullmatch(code) and len(plain) >= _A_NAME and _SAYS_OTHER not in plain and says:
        return f"印为“{printed}”，而末两位为 99 的科目名称应含“{_SAYS_OTHER}”"
    return None
