"""A calendar on a CalDAV server (RFC 4791): one collection, one object for each event.

Three requests are all that it takes: REPORT to find, PUT with `If-None-Match: *` to make, PUT with
`If-Match` to move, so that nobody's change is lost.  It refuses redirects (the password would
follow them) and answers with a DOCTYPE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree

from fireside.errors import Conflict, Corrupt, NotFound, Unavailable
from fireside.tools import events
from fireside.tools.calendar_file import moved
from fireside.tools.events import Event, Occurrences

if TYPE_CHECKING:
    import httpx

SECONDS: Final = 8.0
LARGEST: Final = 16 * 2**20
DAV, CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
QUERY: Final = """<?xml version="1.0" encoding="utf-8"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:prop><d:getetag/><c:calendar-data/></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">
<c:time-range start="{start}" end="{end}"/>
</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DavAccount:
    """url: of the calendar itself, not of the server."""

    url: str
    user: str
    password: str


class DavCalendar:
    shared = True  # whoever sends an invitation writes into it

    def __init__(self, account: DavAccount) -> None:
        self._account = account
        self._url = account.url.rstrip("/") + "/"

    def between(self, begin: datetime, end: datetime) -> Occurrences:
        assert begin.tzinfo is not None
        body = QUERY.format(start=_stamp(begin), end=_stamp(end))
        found: list[Event] = []
        unread: list[str] = []
        for place, _, data in self._objects(body):
            try:
                part = events.between(data, begin, end, begin.tzinfo, place)
            except Corrupt:  # one object of many
                unread.append(unquote(urlsplit(place).path.rpartition("/")[2]))
                continue
            found += part.events
            unread += part.unread
        found.sort(key=lambda event: (event.start, event.title))
        return Occurrences(events=found, unread=unread)

    def add(self, event: Event, now: datetime) -> None:
        calendar = events.new_calendar()
        calendar.add_component(events.component(event, now))
        place = urljoin(self._url, quote(event.uid, safe="") + ".ics")
        self._put(place, calendar.to_ical(), {"If-None-Match": "*"})

    def move(self, event: Event, now: datetime) -> None:
        """
        Raises:
            NotFound: it has gone meanwhile.
            Conflict: somebody changed it meanwhile.
        """
        answer = self._request("GET", event.place)
        calendars = events.rewritable(answer.content)
        component = events.newest(calendars, event.uid)
        if component is None:
            raise NotFound(f"The event {event.title[:60]!r} has gone meanwhile.")
        moved(component, event, now)
        self._put(
            event.place, events.written(calendars), {"If-Match": answer.headers.get("etag", "*")}
        )

    def _put(self, place: str, data: bytes, condition: dict[str, str]) -> None:
        kind = {"Content-Type": "text/calendar; charset=utf-8"}
        self._request("PUT", place, content=data, headers=kind | condition)

    def _objects(self, query: str) -> Iterator[tuple[str, str, str]]:
        """Place, etag and text of each object that the query finds."""
        answer = self._request(
            "REPORT",
            self._url,
            content=query.encode(),
            headers={"Depth": "1", "Content-Type": "application/xml; charset=utf-8"},
        )
        if re.search(rb"<!(DOCTYPE|ENTITY)", answer.content, re.IGNORECASE):
            raise Corrupt("The calendar server's answer has a DOCTYPE, which is not read.")
        try:
            tree = ElementTree.fromstring(answer.content)  # noqa: S314  # no entities: see above
        except (ElementTree.ParseError, ValueError):
            raise Corrupt("The calendar server's answer is no XML.") from None
        for each in tree.iter(f"{DAV}response"):
            data = each.findtext(f".//{CAL}calendar-data")
            place = urljoin(self._url, each.findtext(f"{DAV}href") or "")
            if data and urlsplit(place)[:2] == urlsplit(self._url)[:2]:
                yield place, each.findtext(f".//{DAV}getetag") or "", data

    def _request(
        self, method: str, url: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        import httpx

        try:
            with httpx.stream(
                method, url, content=content, headers=headers, timeout=SECONDS, trust_env=False,
                auth=(self._account.user, self._account.password), follow_redirects=False,
            ) as answer:  # fmt: skip
                data = bytearray()
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > LARGEST:
                        raise Corrupt(f"The calendar server sent more than {LARGEST} bytes.")
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise Unavailable(f"The calendar server cannot be reached ({name}).") from None
        match answer.status_code:
            case 200 | 201 | 204 | 207:
                return httpx.Response(
                    answer.status_code, content=bytes(data), headers=_etag(answer.headers)
                )
            case 401:
                raise Unavailable("The calendar server refused our name or password.")
            case 403:
                raise Unavailable("The calendar server forbids that: see FIRESIDE_CALDAV_URL.")
            case 404 | 410:
                raise NotFound("The calendar server has no such calendar or event (any more).")
            case 409 | 412:
                raise Conflict("Somebody changed the calendar meanwhile: look again.")
        raise Unavailable(f"The calendar server answered {answer.status_code}.")


def _etag(headers: httpx.Headers) -> dict[str, str]:
    return {"etag": headers["etag"]} if "etag" in headers else {}


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
