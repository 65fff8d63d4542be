"""Requests that a page's scripts make for its lists (jQuery, fetch)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from connectors.families.address import ListRequest
from connectors.families.json_shapes import shapes
from connectors.families.page import Page

_CALL: Final = re.compile(r"(?:\$|jQuery|axios)\s*\.\s*(?P<verb>ajax|getJSON|get|post)\s*\(")
_COMMENT: Final = re.compile(r"(?m)^\s*//[^\n]*|(?s:/\*.*?\*/)")
_LITERAL: Final = (
    r"(?P<quote>[\"'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)"
    r"|(?P<number>\d+)\b|(?P<name>[A-Za-z_$][\w$.]*)"
)
_FIELD: Final = re.compile(rf"[\"']?(?P<field>[\w\[\],.\-]+)[\"']?\s*:\s*(?:{_LITERAL})")
_VALUE: Final = re.compile(_LITERAL)
_CONCATENATION: Final = re.compile(rf"\s*(?:{_LITERAL})\s*(?P<plus>\+?)")
_CALL_CHARACTERS: Final = 4000
_CALLS: Final = 100


def list_requests(page: Page) -> Iterator[str]:
    """The requests of a page's scripts that ask for lists of articles."""
    source = _COMMENT.sub("", page.scripts)
    for call in itertools.islice(_CALL.finditer(source), _CALLS):
        arguments = _balanced(source, call.end() - 1)
        before = source[: call.start()]
        if call["verb"] == "ajax":
            fields = _fields(arguments, before)
            url = _expression(re.search(r"\burl\s*:", arguments), arguments, before)
            method = str(fields.get("type") or fields.get("method") or "get").lower()
            as_json = "application/json" in str(fields.get("contentType") or "")
            data = re.search(r"\bdata\s*:\s*(?:JSON\.stringify\(\s*)?", arguments)
            rest = arguments[data.end() :] if data else ""
        else:
            url = _expression(re.match(r"\(", arguments), arguments, before)
            method = "post" if call["verb"] == "post" else "get"
            as_json = False
            comma = arguments.find(",")
            rest = arguments[comma + 1 :].lstrip() if comma > 0 else ""
        target = page.absolute(url) if url else None
        if target is None or not _gives_list(target):
            continue
        values = _object(rest, before)
        if method == "post":
            make = ListRequest.json if as_json else ListRequest.form
            yield make(target, values).address
        else:
            yield (ListRequest(target).asking(values) if values else ListRequest(target)).address


def _gives_list(url: str) -> bool:
    known = shapes()
    return known.known_at(url) is not None or bool(
        known.list_endpoints.search(urlsplit(url)._replace(scheme="", netloc="").geturl())
    )


def _balanced(source: str, start: int) -> str:
    """The text from a bracket to the one that closes it."""
    depth = 0
    quote = ""
    for place in range(start, min(len(source), start + _CALL_CHARACTERS)):
        sign = source[place]
        if quote:
            quote = "" if sign == quote and source[place - 1] != "\\" else quote
        elif sign in "\"'`":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return source[start : place + 1]
    return source[start : start + _CALL_CHARACTERS]


def _object(text: str, before: str) -> dict[str, object]:
    """The values of an object literal, or of the variable that holds one."""
    text = text.lstrip()
    if not text.startswith("{"):
        name = re.match(r"[A-Za-z_$][\w$]*", text)
        if name is None:
            return {}
        declared = list(re.finditer(rf"\b{re.escape(name[0])}\s*=\s*(?={{)", before))
        if not declared:
            return {}
        before, text = before[: declared[-1].start()], before[declared[-1].end() :]
    return _fields(_balanced(text, 0), before)


def _fields(text: str, before: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for match in _FIELD.finditer(text):
        value = _of(match, before)
        if value is not None:
            found.setdefault(match["field"], value)
    return found


def _of(match: re.Match[str], before: str, depth: int = 3) -> object | None:
    if match["number"] is not None:
        return int(match["number"])
    if match["quote"] is not None:
        return match["text"]
    name = match["name"]
    if name in {"true", "false"}:
        return name
    if depth == 0 or name in {"function", "null", "undefined", "new"}:
        return None
    assigned = list(re.finditer(rf"(?<![\w$.]){re.escape(name)}\s*[=:]\s*(?=[\"'\d\w$])", before))
    inner = _VALUE.match(before, assigned[0].end()) if assigned else None
    return _of(inner, before[: assigned[0].start()], depth - 1) if inner else None


def _expression(start: re.Match[str] | None, text: str, before: str) -> str | None:
    """A URL as it is put together from texts and variables; what is unknown ends it."""
    if start is None:
        return None
    found = ""
    place = start.end()
    while match := _CONCATENATION.match(text, place):
        value = _of(match, before)
        if value is None:
            return found or None
        found += str(value)
        if not match["plus"]:
            break
        place = match.end()
    return found or None
