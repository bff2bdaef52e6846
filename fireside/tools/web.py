"""`web_fetch`: the text of a page, from hosts that a person listed.  Nothing is listed by default.

http and https only; every redirect is checked like the first address; the connection goes to the
address that was checked.  No cookies, no proxy, no JavaScript, no compression that could unfold.
What comes back is strangers' text: data, never orders.  It refuses what is no text.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final
from urllib.parse import urljoin

from fireside.errors import BadRequest, Corrupt, Unavailable, Unsupported
from fireside.tools.addresses import (
    Place,
    Resolve,
    checked,
    is_public,
    place_of,
    system_resolve,
)
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext, tool

SECONDS: Final = 10.0
LARGEST: Final = 2**20
REDIRECTS: Final = 4
PIECE: Final = 64 * 1024
TEXTS: Final = ("text/plain", "text/markdown", "text/csv", "application/json", "application/xml")
PAGES: Final = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """cut: more than `LARGEST` bytes were there."""

    url: str
    kind: str
    data: bytes
    charset: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """resolve, public, trust: what tests put in the place of DNS, of the internet and of its
    certificates."""

    resolve: Resolve = system_resolve
    public: Callable[[str], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def read(self, url: str, hosts: Sequence[str], *, seconds: float = SECONDS) -> Page:
        """
        Raises:
            BadRequest: an address that may not be read, or no text behind it.
            Unavailable: the server is not there, too slow, or says no.
        """
        deadline = time.monotonic() + seconds
        secure = False
        for _ in range(REDIRECTS + 1):
            place = place_of(url)
            if secure and place.scheme != "https":
                raise BadRequest("The page leads from https to http, which is not followed.")
            secure = place.scheme == "https"
            address = checked(place, hosts, resolve=self.resolve, public=self.public)
            try:
                found = self._one(url, place, address, deadline)
            except TimeoutError:
                raise Unavailable(f"{place.host} did not answer in time.") from None
            except (OSError, http.client.HTTPException) as error:
                raise Unavailable(f"{place.host} failed ({type(error).__name__}).") from None
            if isinstance(found, Page):
                return found
            url = urljoin(url, found)
        raise BadRequest(f"The page leads on more than {REDIRECTS} times.")

    def _one(self, url: str, place: Place, address: str, deadline: float) -> Page | str:
        """The page, or where it leads on to."""
        connection = http.client.HTTPConnection(place.host, place.port)
        # Opened here and not by name: DNS may say something else by now.
        raw = socket.create_connection((address, place.port), timeout=_left(deadline))
        try:
            if place.scheme == "https":
                raw = self.trust().wrap_socket(raw, server_hostname=place.host)
            connection.sock = raw
            headers = {"User-Agent": "Fireside", "Accept": "text/*, application/json",
                       "Accept-Encoding": "identity", "Connection": "close"}  # fmt: skip
            connection.request("GET", place.path, headers=headers)
            answer = connection.getresponse()
            if answer.status in (301, 302, 303, 307, 308):
                return answer.getheader("Location") or ""
            if answer.status != 200:
                raise Unavailable(f"{place.host} answered {answer.status}.")
            kind, charset = _kind(answer.getheader("Content-Type") or "")
            if kind not in PAGES and kind not in TEXTS:
                raise BadRequest(f"{place.host} sent {kind[:60] or 'something'}, which is no text.")
            if (answer.getheader("Content-Encoding") or "identity") != "identity":
                raise BadRequest(f"{place.host} sent a compressed page, which was not asked for.")
            data, cut = _body(answer, raw, deadline)
            return Page(url=url, kind=kind, data=data, charset=charset, cut=cut)
        finally:
            connection.close()
            raw.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _kind(header: str) -> tuple[str, str]:
    message = Message()
    message["content-type"] = header
    return message.get_content_type() if header else "", message.get_content_charset() or "utf-8"


def _body(
    answer: http.client.HTTPResponse, raw: socket.socket, deadline: float
) -> tuple[bytes, bool]:
    data = bytearray()
    while len(data) <= LARGEST:
        raw.settimeout(_left(deadline))
        piece = answer.read1(PIECE)  # whatever is there: a server that drips meets the deadline
        if not piece:
            return bytes(data), False
        data += piece
    return bytes(data[:LARGEST]), True


def text_of(page: Page) -> str:
    """What a person would read of it.

    Raises:
        BadRequest: nothing.
    """
    from fireside.knowledge.reading import read_page

    try:
        text = page.data.decode(page.charset, "replace")
    except LookupError:
        text = page.data.decode("utf-8", "replace")
    if page.kind not in PAGES:
        return text
    try:
        return read_page(text, wall_seconds=SECONDS).text.strip()
    except (Corrupt, Unsupported) as error:
        raise BadRequest(error.message) from None


def web_tools(reader: Reader | None = None) -> list[Tool]:
    reads = reader or Reader()

    @tool(seconds=SECONDS + 2)
    def web_fetch(context: ToolContext, url: str) -> Outcome:
        """Read a web page."""
        if not context.config.web_hosts:
            raise BadRequest("No host may be read: see web_hosts under [tools] in docs/tools.md.")
        page = reads.read(url, context.config.web_hosts)
        note = f"\n[cut: the page has more than {LARGEST} bytes]" if page.cut else ""
        return Outcome(
            text=text_of(page) + note, data={"url": page.url}, cut=page.cut, untrusted=True
        )

    return [web_fetch]
