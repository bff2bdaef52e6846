"""The tool `{"type": "mcp"}` of a request: a stranger's server for one answer.

The server makes the connection, so only URLs that the setting `mcp_servers` lists may be named: a
free choice would let whoever has a key reach whatever this machine reaches.  What a request sends
as headers goes there as it is; nothing of our environment is put into it.  OpenAI's connectors and
tunnels are OpenAI's, and refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError

from fireside.errors import BadRequest
from fireside.server.body import Wire
from fireside.tools.mcp.config import McpServer
from fireside.tools.running import OURS, Consent

MOST_HEADERS: Final = 32


class Filter(Wire):
    """Tools that all of its members match."""

    is_exact: ClassVar[bool] = True

    tool_names: list[str] | None = None
    read_only: bool | None = None

    def matches(self, tool: str, reads_only: bool) -> bool:
        named = self.tool_names is None or tool in self.tool_names
        return named and (self.read_only is None or self.read_only == reads_only)


class ApprovalFilter(Wire):
    is_exact: ClassVar[bool] = True

    always: Filter | None = None
    never: Filter | None = None


class McpTool(Wire):
    is_exact: ClassVar[bool] = True

    type: Literal["mcp"]
    server_label: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
    server_url: Annotated[str, Field(min_length=1, max_length=2048)]
    server_description: str | None = None
    headers: Annotated[dict[str, str], Field(max_length=MOST_HEADERS)] | None = None
    authorization: str | None = None
    allowed_tools: list[str] | Filter | None = None
    require_approval: ApprovalFilter | Literal["always", "never"] | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """As the response repeats it, and keeps it: without secrets."""
        headers = dict.fromkeys(self.headers, "<redacted>") if self.headers else None
        shown = self.model_dump(mode="json") | {"headers": headers}
        del shown["authorization"]
        return shown | {"require_approval": shown["require_approval"] or "always"}


class RequestServer(McpServer):
    """One that a request names.  owner: whose connection it is; no other's turns share it."""

    owner: str
    wanted: Filter = Filter()
    unasked: Filter | None = None
    """Tools that run without approval."""

    def wants(self, tool: str, *, reads_only: bool) -> bool:
        return self.wanted.matches(tool, reads_only)

    def consent_of(self, tool: str, *, reads_only: bool) -> Consent:
        free = self.unasked is not None and self.unasked.matches(tool, reads_only)
        return "free" if free else "ask"

    def believes(self, tool: str) -> bool:
        """The caller took the server's word, where approval goes by it."""
        return self.unasked is not None

    def filled(self, texts: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
        """As they are: a `${NAME}` of a request must never be read from our environment."""
        return dict(texts)


def server_of(tool: McpTool, *, allowed: Sequence[str], owner: str) -> RequestServer:
    """
    allowed: the setting `mcp_servers`.

    Raises:
        BadRequest: a `server_url` that is not allowed, or a header that is none.
    """
    if tool.server_label == OURS:
        raise BadRequest(f"server_label: {OURS!r} is this server's own.", param="server_label")
    if not _is_allowed(tool.server_url, allowed):
        raise BadRequest(
            f"server_url: {tool.server_url[:200]!r} may not be reached from here: whoever runs "
            "this server lists what may in the setting mcp_servers.",
            param="server_url",
            code="mcp_server_not_allowed",
        )
    headers = {name.lower(): value for name, value in (tool.headers or {}).items()}
    if tool.authorization is not None:
        headers["authorization"] = f"Bearer {tool.authorization}"
    if any(not value.isprintable() or not name.isascii() for name, value in headers.items()):
        raise BadRequest("headers: names are ASCII and values have no line ends.", param="headers")
    try:
        return RequestServer(
            name=tool.server_label,
            url=tool.server_url,
            headers=headers,
            owner=owner,
            wanted=_filter(tool.allowed_tools),
            unasked=_unasked(tool.require_approval),
        )
    except ValidationError as error:
        raise BadRequest(f"server_url: {error.errors()[0]['msg']}.", param="server_url") from None


def _filter(given: list[str] | Filter | None) -> Filter:
    if given is None:
        return Filter()
    return Filter(tool_names=given) if isinstance(given, list) else given


def _unasked(given: ApprovalFilter | str | None) -> Filter | None:
    """OpenAI's default is to ask; so is whatever a filter does not name."""
    if isinstance(given, ApprovalFilter):
        return given.never
    return Filter() if given == "never" else None


def _is_allowed(url: str, allowed: Sequence[str]) -> bool:
    """An entry with a path allows that URL; one without, everything of its origin."""
    try:
        asked = _parts(url)
        for entry in allowed:
            listed = _parts(entry)
            if listed[:3] == asked[:3] and listed[3] in ("", asked[3]):
                return True
    except ValueError:  # no port, no address
        return False
    return False


def _parts(url: str) -> tuple[str, str, int | None, str]:
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or split.username is not None or "\\" in url:
        raise ValueError("no plain http URL")
    port = split.port or {"http": 80, "https": 443}[split.scheme]
    path = split.path.rstrip("/") + (f"?{split.query}" if split.query else "")
    return split.scheme, (split.hostname or "").rstrip("."), port, path
