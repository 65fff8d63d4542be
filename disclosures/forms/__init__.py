"""The nine standard forms as data: titles, columns, lines and their variants.

Each ``NN.yaml`` beside this file describes one form of the Ministry of Finance's 部门决算 set in
the central order; ``classes.yaml`` lists the expenditure classes that forms 01 and 04 spell out
as lines. To add a wording, add an alias; see ``docs/adding-a-form-variant.md``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from disclosures.model import Side


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpenseClass(_Model):
    """One 类 of the functional classification as the forms print it."""

    code: str = Field(pattern=r"^\d{3}$")
    ordinal: str | None
    title: str
    aliases: tuple[str, ...] = ()


class Column(_Model):
    """One money column; ``under`` is the spanning heading that it stands below."""

    key: str
    title: str
    aliases: tuple[str, ...] = ()
    under: str | None = None
    optional: bool = False


class Line(_Model):
    """One named line. ``classes: true`` stands for all expenditure classes."""

    key: str = ""
    title: str = ""
    aliases: tuple[str, ...] = ()
    role: Literal["item", "subtotal", "balance", "grand_total"] = "item"
    after: str | None = None
    classes: bool = False


class Group(_Model):
    """A repetition of a form's columns (预算数 and 决算数 of form 09)."""

    key: str
    title: str
    aliases: tuple[str, ...] = ()


class Form(_Model):
    """One standard form. ``columns`` and ``lines`` are keyed by side in two-sided forms."""

    key: str = Field(pattern=r"^0[1-9]$")
    title: str
    aliases: tuple[str, ...]
    layout: Literal["two_sided", "coded", "panels", "single_row"]
    codes: Literal["functional", "economic"] | None = None
    since: int | None = None
    may_be_empty: bool = False
    columns: tuple[Column, ...] | dict[Side, tuple[Column, ...]]
    lines: tuple[Line, ...] | dict[Side, tuple[Line, ...]]
    groups: tuple[Group, ...] = ()
    personnel_groups: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sides_match_layout(self) -> Form:
        two_sided = self.layout == "two_sided"
        if isinstance(self.columns, dict) != two_sided or isinstance(self.lines, dict) != two_sided:
            raise ValueError(f"form {self.key}: sides and layout {self.layout} do not fit")
        return self

    def columns_of(self, side: Side | None = None) -> tuple[Column, ...]:
        """Money columns of a side (None for one-sided forms), in printed order."""
        if isinstance(self.columns, dict):
            assert side is not None, f"form {self.key} has two sides"
            return self.columns[side]
        return self.columns

    def column_keys(self, side: Side | None = None) -> tuple[str, ...]:
        """Contract keys of the columns; form 09 yields ``budget.total`` and so on."""
        keys = tuple(column.key for column in self.columns_of(side))
        if self.groups:
            return tuple(f"{group.key}.{key}" for group in self.groups for key in keys)
        return keys

    def lines_of(self, side: Side | None = None) -> tuple[Line, ...]:
        """Named lines of a side with the expenditure classes spelled out (key = class code)."""
        lines = self.lines[side] if isinstance(self.lines, dict) and side else self.lines
        assert not isinstance(lines, dict), f"form {self.key} has two sides"
        spelled: list[Line] = []
        for line in lines:
            if line.classes:
                spelled += [
                    Line(key=c.code, title=c.title, aliases=c.aliases) for c in expense_classes()
                ]
            else:
                spelled.append(line)
        return tuple(spelled)

    @property
    def sides(self) -> tuple[Side | None, ...]:
        return (Side.INCOME, Side.EXPENSE) if self.layout == "two_sided" else (None,)


def _load(name: str) -> object:
    return yaml.safe_load((files(__package__) / name).read_text(encoding="utf-8"))


@cache
def expense_classes() -> tuple[ExpenseClass, ...]:
    """All expenditure classes in the order of the forms."""
    raw = _load("classes.yaml")
    assert isinstance(raw, list)
    return tuple(ExpenseClass.model_validate(entry) for entry in raw)


@cache
def forms() -> dict[str, Form]:
    """The nine forms by key, in the central order."""
    loaded = (Form.model_validate(_load(f"{number:02d}.yaml")) for number in range(1, 10))
    return {form.key: form for form in loaded}


_ORDINAL = re.compile(r"^(?:[（(]?[一二三四五六七八九十]+[)）]?[、.．]|其中[:：])")
_LONGEST_NAME = 120
_QUOTES = str.maketrans("", "", "“”‘’\"'〝〞《》<>*#")


def squeeze(text: str) -> str:
    """A name for comparison: NFKC, no white space, no quotes or markup, ASCII brackets."""
    return _squeezed_name(text) if len(text) <= _LONGEST_NAME else _squeezed(text)


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).translate(_QUOTES)


# The same names stand in every disclosure.
_squeezed_name = lru_cache(maxsize=65536)(_squeezed)


@lru_cache(maxsize=65536)
def bare_name(text: str) -> str:
    """A line's name without its ordinal ("一、") and blanks."""
    return _ORDINAL.sub("", squeeze(text))
