"""What the style sheets inside a web page hide.

Only whether an element is displayed is followed: rules of ``<style>`` elements that set
``display``, ``visibility`` or Word's ``mso-hide``, by selectors as cssselect knows them, in the
order of the cascade (CSS Cascading 4, section 6). Sheets that a page fetches are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cssselect
from lxml import etree, html

#: Rules about display beyond which a page is no disclosure; each costs a search of the page.
_MOST_RULES: Final = 300
_COMMENT: Final = re.compile(r"/\*.*?\*/|<!--|-->", re.S)
_RULE: Final = re.compile(r"([^{}]*)([{}])")
_SHOWING: Final = re.compile(
    r"(?:^|;)\s*(display|visibility|mso-hide)\s*:\s*([a-z-]+)\s*(!\s*important)?", re.I
)
_SCREENS: Final = re.compile(r"\s*(?:all|(?:only\s+)?screen)?\s*$", re.I)
_ALL_SCREENS: Final = re.compile(rf"@media{_SCREENS.pattern}", re.I)
_HIDING: Final = {"display": ("none",), "visibility": ("hidden", "collapse"), "mso-hide": ("all",)}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One property for what one selector finds; ``weight`` orders the cascade."""

    path: etree.XPath
    name: str
    value: str
    weight: tuple[bool, tuple[int, int, int], int]


def hide(root: html.HtmlElement) -> bool:
    """Write what style sheets hide into the elements' own styles; whether all rules were
    followed."""
    sheets = "\n".join(
        style.text or "" for style in root.iter("style") if _SCREENS.match(style.get("media", ""))
    )
    rules, whole = _rules(_COMMENT.sub("", sheets))
    winners: dict[tuple[html.HtmlElement, str], _Rule] = {}
    for rule in rules:
        found = rule.path(root)
        for element in found if isinstance(found, list) else ():
            known = winners.get((element, rule.name))
            if known is None or known.weight <= rule.weight:
                winners[element, rule.name] = rule
    for (element, name), rule in winners.items():
        own = element.get("style", "")
        stated = [m for m in _SHOWING.finditer(own) if m[1].lower() == name]
        # A style of the element's own goes before sheets, but for what these call important.
        if rule.value in _HIDING[name] and (rule.weight[0] or not stated):
            element.set("style", f"{own.rstrip('; ')};{name}:{rule.value}".lstrip(";"))
        elif rule.weight[0] and rule.value not in _HIDING[name]:
            for match in stated:
                own = own.replace(match[0], "")
            element.set("style", own)
    return whole


def _rules(sheets: str) -> tuple[list[_Rule], bool]:
    rules: list[_Rule] = []
    whole = True
    for selectors, body in _blocks(sheets):
        stated = list(_SHOWING.finditer(body))
        if not stated:
            continue
        hides = any(match[2].lower() in _HIDING[match[1].lower()] for match in stated)
        try:
            parsed = cssselect.parse(selectors)
        except cssselect.SelectorError:
            whole = whole and not hides
            continue
        for selector in parsed:
            # What is before, after or behind the pointer is none of the page's elements.
            if selector.pseudo_element is not None:
                continue
            try:
                path = etree.XPath(cssselect.HTMLTranslator().selector_to_xpath(selector))
            except (cssselect.SelectorError, etree.XPathSyntaxError):
                whole = whole and not hides
                continue
            if len(rules) >= _MOST_RULES:
                return rules, False
            for match in stated:
                weight = (bool(match[3]), selector.specificity(), len(rules))
                rules.append(_Rule(path, match[1].lower(), match[2].lower(), weight))
    return rules, whole


def _blocks(sheets: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of each rule that holds on every screen."""
    opened: list[str] = []
    for match in _RULE.finditer(sheets):
        if match[2] == "{":
            opened.append(match[1].rpartition(";")[2].strip())
            continue
        if not opened:
            continue
        selectors = opened.pop()
        if not selectors.startswith("@") and all(map(_ALL_SCREENS.match, opened)):
            yield selectors, match[1]
