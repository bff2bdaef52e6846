"""A ticket sent on: by e-mail through the settings' mail server, or to a webhook as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fireside.assistant.tickets import Send, Ticket
from fireside.dialogue.config import HandoverConfig
from fireside.errors import Unavailable
from fireside.tools.messages import LONGEST_MAIL, MailServer, post_mail

SECONDS: Final = 10.0


def senders(config: HandoverConfig, mail: MailServer | None) -> Mapping[str, Send]:
    """Those that a persona's hand-over names."""
    found: dict[str, Send] = {}
    if config.email:
        found["email"] = lambda ticket: _mail(ticket, config.email, mail)
    if config.webhook:
        found["webhook"] = lambda ticket: _post(ticket, config.webhook)
    return found


def _mail(ticket: Ticket, address: str, mail: MailServer | None) -> None:
    if mail is None:
        raise Unavailable("E-mail is not set up: see FIRESIDE_SMTP_HOST in docs/settings.md.")
    subject = f"Ticket {ticket.number}: {' '.join(ticket.reason.split())[:120]}"
    post_mail(mail, address, subject, ticket.text[:LONGEST_MAIL], ticket.number)


def _post(ticket: Ticket, url: str) -> None:
    import httpx

    try:
        answer = httpx.post(
            url, json=ticket.as_json(), timeout=SECONDS, follow_redirects=False, trust_env=False
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"The webhook cannot be reached ({type(error).__name__}).") from None
    if not answer.is_success:
        raise Unavailable(f"The webhook refused ({answer.status_code}).")
