"""The tools that come with Fireside, in one registry.

Which of them a persona offers stands in its `[tools] allow`; what they need to know of this machine
(gateways, servers, passwords) in the settings.  Making it connects to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fireside.tools.calculator import calculate
from fireside.tools.calendar_dav import DavAccount, DavCalendar
from fireside.tools.calendar_file import FileCalendar, path_of
from fireside.tools.calendar_tools import Calendar, calendar_tools
from fireside.tools.clock import date_time
from fireside.tools.converter import convert
from fireside.tools.documents import document_tools
from fireside.tools.messages import MailServer, SmsGateway, message_tools
from fireside.tools.registry import Registry
from fireside.tools.web import Reader, web_tools

if TYPE_CHECKING:
    from fireside.knowledge.collections import Collections
    from fireside.settings import Settings


def shipped(
    settings: Settings,
    *,
    collections: Collections | None = None,
    reader: Reader | None = None,
) -> Registry:
    """collections: None where no documents can be kept.  reader: of the web."""

    def calendar_of(owner: str) -> Calendar:
        if settings.caldav_url and owner == settings.caldav_owner:
            return DavCalendar(
                DavAccount(
                    url=settings.caldav_url,
                    user=settings.caldav_user,
                    password=settings.caldav_password.get_secret_value(),
                )
            )
        return FileCalendar(path_of(settings.home / "calendars", owner))

    return Registry(
        [
            calculate,
            convert,
            date_time,
            *calendar_tools(calendar_of),
            *message_tools(_gateway(settings), mail_server(settings)),
            *document_tools(collections),
            *web_tools(reader),
        ]
    )


def _gateway(settings: Settings) -> SmsGateway | None:
    token = settings.sms_token.get_secret_value()
    if not (settings.sms_account and token and settings.sms_from):
        return None
    return SmsGateway(
        url=settings.sms_url, account=settings.sms_account, token=token, sender=settings.sms_from
    )


def mail_server(settings: Settings) -> MailServer | None:
    """None where e-mail is not set up."""
    if not (settings.smtp_host and settings.smtp_from):
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        security=settings.smtp_security,
    )
