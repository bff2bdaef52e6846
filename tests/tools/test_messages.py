"""SMS and e-mail, against a gateway and mail servers that listen here."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from fireside.errors import BadRequest
from fireside.storage import Store
from fireside.tools.bound import BoundTool
from fireside.tools.calls import call
from fireside.tools.config import Contact, ToolsConfig
from fireside.tools.ledger import Ledger
from fireside.tools.messages import MailServer, SmsGateway, message_tools
from fireside.tools.registry import Registry
from fireside.tools.tool import Tool, ToolContext

ACCOUNT, TOKEN, PASSWORD = "AC0123456789", "hunter2-token", "hunter2-password"
CONFIG = ToolsConfig(
    contacts={"Ana": Contact(phone="+49 30 (123) 456", email="ana@example.org"), "Ben": Contact()}
)
CONTEXT = ToolContext(config=CONFIG)


@dataclass
class Gateway:
    """Twilio's interface: a form, basic auth, 201 and a sid."""

    url: str = ""
    seen: list[dict[str, str]] = field(default_factory=list)
    status: int = 201
    body: bytes = b'{"sid": "SM1", "status": "queued"}'


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    state = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            login = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
            allowed = self.headers["Authorization"] == f"Basic {login}"
            right = self.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
            form = self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            status = 401 if not allowed else 404 if not right or not form else state.status
            if status == 201:
                state.seen.append({k: v[0] for k, v in parse_qs(body, strict_parsing=True).items()})
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def sms(gateway: Gateway, **changed: str) -> Tool:
    account = SmsGateway(url=gateway.url, account=ACCOUNT, token=TOKEN, sender="+15550001")
    return message_tools(replace(account, **changed), None)[0]


def sent(tool: Tool, context: ToolContext = CONTEXT, **arguments: str) -> str:
    return call(tool, json.dumps(arguments), context).outcome.for_model


def test_an_sms_goes_out_as_twilio_wants_it(gateway: Gateway) -> None:
    assert sent(sms(gateway), to="ana", text="Läuft & gut?\nYes") == "Sent to ana (+4930123456)."
    assert gateway.seen == [{"To": "+4930123456", "From": "+15550001", "Body": "Läuft & gut?\nYes"}]
    assert sent(sms(gateway), to="+1 555-0002", text="hi") == "Sent to +1 555-0002 (+15550002)."


@pytest.mark.parametrize(
    ("to", "text", "words"),
    [
        ("Carla", "hi", "No phone number of 'Carla'"),
        ("Ben", "hi", "No phone number of 'Ben'"),
        ("+49\r\nX: y", "hi", "No phone number"),
        ("Ana", " ", "1 to 1600"),
        ("Ana", "x" * 1601, "1 to 1600"),
    ],
)
def test_what_cannot_be_sent_is_not(gateway: Gateway, to: str, text: str, words: str) -> None:
    assert words in sent(sms(gateway), to=to, text=text)
    assert gateway.seen == []


def test_a_gateway_that_refuses_and_no_secret_in_what_it_says(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.status, gateway.body = 400, json.dumps({"message": f"No {TOKEN}!"}).encode()
    told = sent(sms(gateway), to="Ana", text="hi")
    assert told == "Error: The SMS gateway refused (400). No [token]!"
    gateway.status, gateway.body = 307, b"\xff"  # the token would follow a redirect
    assert "refused (307)" in sent(sms(gateway), to="Ana", text="hi")
    assert "refused (401)" in sent(sms(gateway, token="wrong"), to="Ana", text="hi")
    assert "cannot be reached" in sent(sms(gateway, url="http://127.0.0.1:1"), to="Ana", text="hi")
    assert "not set up" in sent(message_tools(None, None)[0], to="Ana", text="hi")
    assert TOKEN not in caplog.text
    account = SmsGateway(url="", account=ACCOUNT, token=TOKEN, sender="")
    assert TOKEN not in repr(account)


def test_one_call_one_message_also_after_a_restart(gateway: Gateway, tmp_path: Path) -> None:
    with Store.open(tmp_path / "one.db") as store:
        for _ in range(3):
            context = replace(CONTEXT, call_id="call_1", scope="conv_1", store=store)
            arguments = json.dumps({"to": "Ana", "text": "hi"})
            assert call(sms(gateway), arguments, context, ledger=Ledger()).outcome.error is None
    assert len(gateway.seen) == 1


def test_a_person_always_says_yes_first(gateway: Gateway) -> None:
    registry = Registry(message_tools(None, None))
    for name in ("send_sms", "send_email"):
        assert registry.get(name).acts
        (offered,) = registry.offered(ToolsConfig(allow=[name]))
        assert offered.consent == "ask"
        with pytest.raises(BadRequest, match="cannot be 'free'"):
            registry.offered(ToolsConfig(allow=[name], consent={name: "free"}))
    bound = BoundTool(tool=sms(gateway), context=CONTEXT)
    asked = bound.question('{"to": "Ana", "text": "Lunch\\n\\u001b[2Jat noon."}')
    assert asked == "Send an SMS to Ana (+4930123456): Lunch \ufffd[2Jat noon."
    assert "Carla (unknown)" in bound.question('{"to": "Carla", "text": "x"}')
    assert gateway.seen == []


# -- e-mail --------------------------------------------------------------------------------------


@dataclass
class Inbox:
    mails: list[Any] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        import email
        from email import policy

        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.rcpt_tos, mail, session.ssl is not None))
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == ("fireside", PASSWORD), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not here")
    return folder


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@contextmanager
def served(inbox: Inbox, certificate: Path, security: Any) -> Iterator[MailServer]:
    """aiosmtpd on a free port, in a thread of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    sessions: list[SMTP] = []

    def factory() -> SMTP:
        session = SMTP(
            inbox,
            hostname="localhost",
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=inbox.login,
            auth_required=True,
            auth_require_tls=security == "starttls",
        )
        sessions.append(session)
        return session

    async def closed() -> None:
        server.close()
        for session in sessions:
            if session.transport is not None:
                session.transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    loop = asyncio.new_event_loop()
    over_tls = context if security == "tls" else None
    made = loop.create_server(factory, "127.0.0.1", 0, ssl=over_tls)
    server = loop.run_until_complete(made)
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield MailServer(
            host="localhost", port=server.sockets[0].getsockname()[1], user="fireside",
            password=PASSWORD, sender="secretary@example.com", security=security,
        )  # fmt: skip
    finally:
        asyncio.run_coroutine_threadsafe(closed(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def mailer(server: MailServer, **changed: Any) -> Tool:
    return message_tools(None, replace(server, **changed))[1]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the test server without STARTTLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_out_encrypted_to_a_server_that_proves_its_name(
    inbox: Inbox, certificate: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    with served(inbox, certificate, security) as server:
        tool = mailer(server)
        told = sent(tool, to="Ana", subject="Lunch", text="At noon.")
        assert "failed (SSLCertVerificationError)" in told  # a stranger's certificate
        assert inbox.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        told = sent(tool, to="Ana", subject="Lunch – für dich", text="At noon.\n.\nÜber Mittag.")
        assert told == "Sent to Ana (ana@example.org)."
        ((to, mail, upgraded),) = inbox.mails
        assert (to, upgraded) == (["ana@example.org"], security == "starttls")
        assert (mail["From"], mail["Subject"]) == ("secretary@example.com", "Lunch – für dich")
        assert mail.get_content().replace("\r\n", "\n") == "At noon.\n.\nÜber Mittag.\n"
        assert inbox.logins == [("fireside", PASSWORD)]
        refused = sent(mailer(server, password="x"), to="Ana", subject="a", text="b")
        assert "refused our name or password" in refused
        nobody = sent(tool, to="nobody@example.org", subject="a", text="b")
        assert "does not deliver to nobody@example.org" in nobody


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the test server without STARTTLS
def test_a_server_without_encryption_gets_nothing(inbox: Inbox, certificate: Path) -> None:
    with served(inbox, certificate, "none") as server:
        told = sent(mailer(server, security="starttls"), to="Ana", subject="a", text="b")
        assert "has no STARTTLS" in told
        assert inbox.logins == []
        assert sent(mailer(server), to="Ana", subject="a", text="b").startswith("Sent to Ana")


@pytest.mark.parametrize(
    ("to", "subject", "words"),
    [
        ("Ana", "Hi\r\nBcc: all@example.org", "subject: one line"),
        ("Ana", "Hi\nBcc: all@example.org", "subject: one line"),
        ("Ana", "x" * 201, "subject: one line"),
        ("ana@example.org\r\nBcc: b@example.org", "Hi", "No e-mail address"),
        ("ana@example.org, ben@example.org", "Hi", "No e-mail address"),
        ("ana@", "Hi", "No e-mail address"),
        ("Carla", "Hi", "No e-mail address of 'Carla'"),
    ],
)
def test_headers_cannot_be_smuggled(to: str, subject: str, words: str) -> None:
    server = MailServer(host="127.0.0.1", port=1, sender="a@example.com", password=PASSWORD)
    told = sent(message_tools(None, server)[1], to=to, subject=subject, text="b")
    assert words in told
    assert PASSWORD not in repr(server)


def test_a_server_that_is_not_there() -> None:
    server = MailServer(host="127.0.0.1", port=1, sender="a@example.com")
    told = sent(message_tools(None, server)[1], to="Ana", subject="a", text="b")
    assert "The mail server failed (ConnectionRefusedError)" in told
    assert "not set up" in sent(message_tools(None, None)[1], to="Ana", subject="a", text="b")
