"""Which addresses are files, and which are articles of the common systems."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

#: Suffixes under which disclosures are published. ceb is Founder's format of the early years.
DOCUMENT_SUFFIXES: Final = frozenset(
    {
        *("pdf", "ofd", "ceb", "doc", "docx", "wps", "wpt", "rtf", "odt"),
        *("xls", "xlsx", "xlsm", "et", "ods", "csv", "ppt", "pptx", "zip", "rar", "7z"),
    }
)
_SUFFIXES: Final = "|".join(sorted(DOCUMENT_SUFFIXES, key=len, reverse=True))
_SUFFIX: Final = re.compile(rf"\.({_SUFFIXES})(?![A-Za-z0-9])", re.IGNORECASE)
#: Endpoints that hand out files under a number: hanweb's downfile.jsp, download.jsp of VSB.
_DOWNLOAD_PATH: Final = re.compile(r"/down(?:load)?(?:file)?(?:\.\w+)?/?$", re.IGNORECASE)
_VIEWER_PATH: Final = re.compile(r"(?:pdf)?view(?:er)?\.(?:s?html?|jsp)$", re.IGNORECASE)
#: A file that a script opens: window.open('a.pdf'), downloadFile("…/b.xlsx").
SCRIPTED_FILE: Final = re.compile(
    rf"""["']([^"'\s<>]+\.(?:{_SUFFIXES})(?:\?[^"'\s<>]*)?)["']""", re.IGNORECASE
)
#: Addresses of articles as the common systems write them.
ARTICLE_URL: Final = re.compile(
    r"/(?:"
    r"t\d{8}_\d+"  # TRS
    r"|art_\w+_\w+"  # hanweb, JPAAS
    r"|(?:m?post|content|article)_\d+"  # NFCMS, gkmlpt, UCAP
    r"|20\d{2}/?\d{2}(?:/?\d{2})?/[0-9a-f]{32}"  # UCAP
    r"|c\d+/content|c\d+/c\d+"  # UCAP
    r"|info/\d+/\d+"  # VSB
    r")\.s?html?$"
    r"|/content\.jsp\?.*\bwbnewsid=\d+",  # VSB, not published as files
    re.IGNORECASE,
)


def suffix_in(text: str) -> str | None:
    """The document suffix that a name or address ends in or carries, or None."""
    match = _SUFFIX.search(text)
    return match[1].lower() if match else None


def is_document_url(url: str) -> bool:
    """Whether an address alone says that it is a file."""
    parts = urlsplit(url)
    last = unquote(parts.path).rpartition("/")[2].partition(";")[0]
    match = _SUFFIX.search(last)
    if match and match.end() == len(last):
        return True
    return bool(_DOWNLOAD_PATH.search(parts.path)) and any(
        suffix_in(value) for _, value in parse_qsl(parts.query)
    )


def is_download(url: str) -> bool:
    """Whether an address hands out a file, whatever its type: a download under a number."""
    parts = urlsplit(url)
    return bool(parts.query) and bool(_DOWNLOAD_PATH.search(parts.path))


def is_viewer(url: str) -> bool:
    """Whether an address is a page that shows a file: viewer.html of pdf.js and its like."""
    return bool(_VIEWER_PATH.search(urlsplit(url).path))


def shown_file(url: str) -> str | None:
    """The file that a viewer page shows; the address itself if it is no viewer, None for a viewer
    of nothing that a crawl can fetch."""
    if not is_viewer(url):
        return url
    values = dict(parse_qsl(urlsplit(url).query))
    inner = next((values[name] for name in ("file", "url", "src") if values.get(name)), None)
    if inner is None:
        return url if values else None
    shown = urljoin(url, inner)
    return shown if urlsplit(shown).scheme in {"http", "https"} else None


def offered_name(url: str, *candidates: str | None) -> str | None:
    """A file's name for display: what carries a suffix among ``candidates`` and the query, else
    the end of the path."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    named = (query.get("showname"), query.get("filename"), query.get("name"))
    for candidate in (*candidates, *named):
        if candidate and suffix_in(candidate):
            return candidate.strip()
    return unquote(parts.path).rpartition("/")[2] or None
