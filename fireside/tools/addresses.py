"""Which hosts and addresses a request of a model's may go to: those that a person listed, and of
those only what is public.

A name is resolved once; every address that it has must be public, and the connection goes to the
address that was checked (`web.py`): a name that answers differently the second time changes
nothing.  It refuses what it cannot read as an address.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fireside.errors import BadRequest, Unavailable

Resolve = Callable[[str, int], Sequence[str]]
PORTS: Final = {"http": 80, "https": 443}
LONGEST: Final = 2000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A URL taken apart.  host: in ASCII, lower case.  path: with the query."""

    scheme: str
    host: str
    port: int
    path: str


def system_resolve(host: str, port: int) -> list[str]:
    """
    Raises:
        Unavailable: no such name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(f"The host {host[:80]!r} cannot be found.") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def place_of(url: str) -> Place:
    """
    Raises:
        BadRequest: no http or https URL, or one with a password in it.
    """
    if len(url) > LONGEST or not url.isprintable() or " " in url or "\\" in url:
        raise BadRequest(f"url: a web address of at most {LONGEST} letters.", param="url")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
    except (ValueError, UnicodeError):
        raise BadRequest("url: this is no web address.", param="url") from None
    if parts.scheme not in PORTS or not host:
        raise BadRequest("url: only http:// and https:// addresses are read.", param="url")
    if "@" in parts.netloc:
        raise BadRequest("url: an address with a name or password in it is not read.", param="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(
        scheme=parts.scheme, host=host, port=port or PORTS[parts.scheme],
        path=path.encode("ascii", "ignore").decode() if path.isascii() else _quoted(path),
    )  # fmt: skip


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/?&=%#:;,+~@!$'()*[]-._")


def is_listed(place: Place, hosts: Sequence[str]) -> bool:
    """`example.org`, `*.example.org` for what lies below it, `example.org:8443` for a port."""
    usual = place.port == PORTS[place.scheme]
    for entry in hosts:
        name, _, port = entry.lower().rpartition(":") if ":" in entry else (entry.lower(), "", "")
        if not (port == str(place.port) or (not port and usual)):
            continue
        if name.startswith("*.") and place.host.endswith(name[1:]):
            return True
        if name == place.host:
            return True
    return False


def is_public(address: str) -> bool:
    """Neither loopback, private, link-local, multicast nor reserved; nor such a one inside an IPv6
    address that carries it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (
        ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local or ip.is_unspecified
    )


def checked(
    place: Place, hosts: Sequence[str], *, resolve: Resolve, public: Callable[[str], bool]
) -> str:
    """The address to connect to.

    Raises:
        BadRequest: the host is not on the list, or has an address that is not public.
        Unavailable: it has none.
    """
    if not is_listed(place, hosts):
        raise BadRequest(f"The host {place.host[:80]!r} is not on the list of [tools] web_hosts.")
    addresses = resolve(place.host, place.port)
    if not addresses:
        raise Unavailable(f"The host {place.host[:80]!r} has no address.")
    if not all(public(each) for each in addresses):
        raise BadRequest(f"The host {place.host[:80]!r} has an address that is not public.")
    return addresses[0]
