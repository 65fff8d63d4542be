"""Why a request got no usable answer, in the words of its row."""

from __future__ import annotations

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)

from connectors.encodings import DamagedEncodingError, OversizedError
from connectors.records import FetchOutcome
from connectors.safety import BlockedAddressError


class HeaderFloodError(Exception):
    """An answer whose headers do not end."""


class Refused(IgnoreRequest):
    """A request that is not made, with the reason."""

    outcome = FetchOutcome.REFUSED

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HostLeft(Refused):
    """A request that is not made because its host is left alone for now."""

    outcome = FetchOutcome.SKIPPED


class Spent(Refused):
    """A request that is not made because its list has ended, or the crawl's time."""

    outcome = FetchOutcome.SKIPPED


class Blocked(Refused):
    """A request that is not made because what must come before it was blocked."""

    outcome = FetchOutcome.BLOCKED


def describe_failure(error: BaseException | None) -> tuple[FetchOutcome, str]:
    """Outcome and reason (Chinese) of a request that got no usable answer."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, Refused):
            return cause.outcome, cause.reason
        if isinstance(cause, BlockedAddressError):
            return FetchOutcome.REFUSED, f"拒绝连接内部地址：{cause}"
        if isinstance(cause, OversizedError | HeaderFloodError):
            return FetchOutcome.REFUSED, f"超过大小上限：{cause}"
        if isinstance(cause, DamagedEncodingError):
            return FetchOutcome.FAILED, f"压缩内容损坏或不完整：{cause}"
    text = str(error)
    if isinstance(error, DownloadCancelledError) or "DOWNLOAD_MAXSIZE" in text:
        return FetchOutcome.REFUSED, f"超过大小上限：{text}"
    if "max redirections" in text:
        return FetchOutcome.FAILED, "重定向次数过多"
    if isinstance(error, DownloadTimeoutError):
        return FetchOutcome.FAILED, f"超时：{text}"
    if isinstance(error, CannotResolveHostError):
        return FetchOutcome.FAILED, f"域名无法解析：{text}"
    if isinstance(error, DownloadConnectionRefusedError):
        return FetchOutcome.FAILED, f"连接被拒绝：{text}"
    if isinstance(error, ResponseDataLossError):
        return FetchOutcome.FAILED, "传输中断，内容不完整"
    return FetchOutcome.FAILED, f"{type(error).__name__}: {text}"


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception with what caused it; Twisted wraps several reasons into one failure."""
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        current = queue.pop()
        if current is None or current in found:
            continue
        found.append(current)
        queue += [current.__cause__, current.__context__]
        queue += [reason.value for reason in getattr(current, "reasons", None) or []]
    return found
