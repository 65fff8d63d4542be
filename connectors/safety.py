"""No request leaves for an address inside: checked on the address that is connected to.

Names and redirects are no ground for a decision, because a name may resolve to another address
at the next look (DNS rebinding). :class:`GuardedReactor` is the one place through which Twisted
opens TCP connections, and it sees literal addresses only.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# ``is_global`` of older Python versions lets some of these pass.
_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; 169.254.169.254 hands out cloud credentials
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "100::/64",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_PORT_OF_SCHEME: Final = {"http": 80, "https": 443}


class BlockedAddressError(Exception):
    """A connection to an address that no crawl may reach."""


def _embedded(address: _Address) -> list[_Address]:
    """IPv4 addresses that an IPv6 address carries a packet to in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[_Address | None] = [address.ipv4_mapped, address.sixtofour]
    if address.teredo:
        inner += address.teredo
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64 or address in _NAT64_LOCAL or address in _COMPATIBLE:
        inner.append(low)
    return [found for found in inner if found is not None]


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses a crawl may connect to: public ones, and the loopback on given ports only
    (the bundled portal)."""

    loopback_ports: frozenset[int] = field(default_factory=frozenset)

    def refusal(self, host: str, port: int) -> str | None:
        """Why a connection to the literal address ``host`` is refused, or None."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return f"{host} is not an address"
        if address.is_loopback and port in self.loopback_ports:
            return None
        for candidate in (address, *_embedded(address)):
            inside = any(
                candidate in network for network in _NEVER if network.version == candidate.version
            )
            if inside or not candidate.is_global or candidate.is_multicast:
                return f"{host} is not a public address"
        return None


class GuardedReactor(AsyncioSelectorReactor):
    """An asyncio reactor that connects only where its policy allows."""

    def __init__(self, policy: AddressPolicy, eventloop: Any = None) -> None:
        self.policy = policy
        super().__init__(eventloop)

    def connectTCP(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        """Raises:
        BlockedAddressError: the policy refuses the address.
        """
        refusal = self.policy.refusal(host, port)
        if refusal is not None:
            raise BlockedAddressError(refusal)
        return self.open_connection(host, port, *args, **kwargs)

    def open_connection(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        """Connect to an address that passed."""
        return super().connectTCP(host, port, *args, **kwargs)

    def connectUNIX(self, *args: Any, **kwargs: Any) -> Any:
        raise BlockedAddressError("no crawl connects to a local socket")


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(url: str) -> int | None:
    """The port that a request for ``url`` connects to."""
    parts = urlsplit(url)
    return parts.port or _PORT_OF_SCHEME.get(parts.scheme)


def url_refusal(url: str) -> str | None:
    """Why ``url`` is not requested at all, or None. Addresses are judged when connecting."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"not a URL: {error}"
    if parts.scheme not in _PORT_OF_SCHEME:
        return f"scheme {parts.scheme or '(none)'} is not fetched"
    if not parts.hostname:
        return "no host"
    if parts.username or parts.password:
        return "credentials in a URL"
    if port == 0:
        return "port 0"
    return None
