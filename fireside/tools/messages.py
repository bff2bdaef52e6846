"""`send_sms` and `send_email`: a person says yes to each message before it goes.

SMS go to an HTTP gateway with Twilio's interface (POST a form, basic auth), e-mail to an SMTP
server, encrypted unless the settings say otherwise.  They refuse what is no number or address, and
line breaks in headers.  Tokens and passwords are used here and shown nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from fireside.errors import BadRequest, Unavailable
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext, tool

LONGEST_SMS: Final = 1600  # Twilio's own limit, ten parts
LONGEST_MAIL: Final = 100_000
LONGEST_SUBJECT: Final = 200
SECONDS: Final = 20.0
PHONE: Final = re.compile(r"\+?[0-9]{3,15}")
ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SmsGateway:
    """url: without the path, such as https://api.twilio.com.  sender: a number of the account."""

    url: str
    account: str
    token: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MailServer:
    """security: `starttls` and `tls` check the server's certificate; `none` is for a local one."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"


def message_tools(sms: SmsGateway | None, mail: MailServer | None) -> list[Tool]:
    """Both, also where one is not set up: then it says so."""

    @tool(acts=True, consent="ask", floor="ask", seconds=SECONDS, question=_sms_question)
    def send_sms(context: ToolContext, to: str, text: str) -> Outcome:
        """Send an SMS to a person."""
        if sms is None:
            raise Unavailable("SMS is not set up: see FIRESIDE_SMS_ACCOUNT in docs/settings.md.")
        number = phone_of(to, context)
        if not text.strip() or len(text) > LONGEST_SMS:
            raise BadRequest(f"text: an SMS has 1 to {LONGEST_SMS} letters.")
        sent = post_sms(sms, number, text)
        return Outcome(text=f"Sent to {to} ({number}).", data={"to": number, "id": sent})

    @tool(acts=True, consent="ask", floor="ask", seconds=SECONDS, question=_mail_question)
    def send_email(context: ToolContext, to: str, subject: str, text: str) -> Outcome:
        """Send an e-mail to a person."""
        if mail is None:
            raise Unavailable("E-mail is not set up: see FIRESIDE_SMTP_HOST in docs/settings.md.")
        address = address_of(to, context)
        if not subject.isprintable() or len(subject) > LONGEST_SUBJECT:
            raise BadRequest(f"subject: one line of at most {LONGEST_SUBJECT} letters.")
        if len(text) > LONGEST_MAIL:
            raise BadRequest(f"text: at most {LONGEST_MAIL} letters.")
        sent = post_mail(mail, address, subject, text, context.call_id)
        return Outcome(text=f"Sent to {to} ({address}).", data={"to": address, "id": sent})

    return [send_sms, send_email]


def phone_of(to: str, context: ToolContext) -> str:
    """
    Raises:
        BadRequest: no number, and nobody among the contacts who has one.
    """
    found = next((c.phone for name, c in context.config.contacts.items() if _same(name, to)), None)
    number = re.sub(r"[\s()./-]", "", found or to)
    if not PHONE.fullmatch(number):
        raise BadRequest(f"No phone number of {to[:60]!r} is known: ask for it.", param="to")
    return number


def address_of(to: str, context: ToolContext) -> str:
    """
    Raises:
        BadRequest: no address, and nobody among the contacts who has one.
    """
    found = next((c.email for name, c in context.config.contacts.items() if _same(name, to)), None)
    address = (found or to).strip()
    if not ADDRESS.fullmatch(address):
        raise BadRequest(f"No e-mail address of {to[:60]!r} is known: ask for it.", param="to")
    return address


def _same(name: str, other: str) -> bool:
    return name.casefold().strip() == other.casefold().strip()


def post_sms(gateway: SmsGateway, number: str, text: str) -> str:
    """The message's id at the gateway.

    Raises:
        Unavailable: the gateway is not there or refused; never holds the token.
    """
    import httpx

    url = f"{gateway.url.rstrip('/')}/2010-04-01/Accounts/{gateway.account}/Messages.json"
    form = {"To": number, "From": gateway.sender, "Body": text}
    try:
        answer = httpx.post(
            url, data=form, auth=(gateway.account, gateway.token), timeout=SECONDS,
            follow_redirects=False, trust_env=False,
        )  # fmt: skip
    except httpx.TimeoutException:
        raise Unavailable(
            "The SMS gateway did not answer in time; the message may have gone out."
        ) from None
    except httpx.HTTPError as error:
        raise Unavailable(f"The SMS gateway cannot be reached ({type(error).__name__}).") from None
    told = _json(answer)
    if answer.status_code not in (200, 201):
        reason = str(told.get("message", ""))[:200].replace(gateway.token, "[token]")
        raise Unavailable(f"The SMS gateway refused ({answer.status_code}). {reason}".strip())
    return str(told.get("sid", ""))[:100]


def _json(answer: Any) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def post_mail(server: MailServer, address: str, subject: str, text: str, key: str) -> str:
    """The message's id.  key: the same key, the same id, so that a mailbox can tell a repetition.

    Raises:
        Unavailable: the server is not there, insists on more security, or refused.
    """
    import hashlib
    import smtplib
    import ssl
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    domain = server.sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, address, subject
    mail["Date"] = formatdate(localtime=False)
    digest = hashlib.sha256(f"{key}\0{address}\0{subject}\0{text}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{domain}>" if key else make_msgid(domain=domain)
    mail.set_content(text)
    kind = smtplib.SMTP_SSL if server.security == "tls" else smtplib.SMTP
    more: dict[str, Any] = {}
    if server.security == "tls":
        more["context"] = ssl.create_default_context()
    try:
        with kind(server.host, server.port, timeout=SECONDS, **more) as connection:
            if server.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(mail)
    except smtplib.SMTPRecipientsRefused:
        raise Unavailable(f"The mail server does not deliver to {address}.") from None
    except smtplib.SMTPAuthenticationError:
        raise Unavailable("The mail server refused our name or password.") from None
    except smtplib.SMTPNotSupportedError:
        raise Unavailable(
            "The mail server has no STARTTLS or login: see FIRESIDE_SMTP_SECURITY."
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"The mail server failed ({type(error).__name__}).") from None
    return str(mail["Message-ID"])


def _sms_question(given: Mapping[str, Any], context: ToolContext) -> str:
    to = _resolved(phone_of, str(given["to"]), context)
    return f"Send an SMS to {to}: {given['text']}"


def _mail_question(given: Mapping[str, Any], context: ToolContext) -> str:
    to = _resolved(address_of, str(given["to"]), context)
    return f"Send an e-mail to {to}, subject {given['subject']}: {given['text']}"


def _resolved(find: Any, to: str, context: ToolContext) -> str:
    """The person sees where it really goes."""
    try:
        found = find(to, context)
    except BadRequest:
        return f"{to} (unknown)"
    return to if found == to else f"{to} ({found})"
