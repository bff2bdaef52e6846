"""`[[tools.mcp]]` of a persona: a server, how to reach it, and what of it may be used.

    [[tools.mcp]]
    name = "files"
    command = "npx"
    args = ["-y", "@modelcontextprotocol/server-filesystem", "docs"]
    consent = "annotated"

    [[tools.mcp]]
    name = "tickets"
    url = "https://tickets.example/mcp"
    headers = { Authorization = "Bearer ${TICKETS_TOKEN}" }
    allow = ["find", "reply"]
    tools = { find = "free" }

Secrets stand in the environment and are named here as `${NAME}`.  It refuses to read them itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from fireside.errors import BadRequest
from fireside.sections import PersonaSection
from fireside.tools.running import Consent

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class McpServer(PersonaSection):
    """
    name: stands before the names of its tools: `name__tool`.
    command, args, env: a program to start; of our own environment it gets the path, the home and
        little else, and `env`.
    url, headers: a server over streamable HTTP.
    allow: its tools that may be used; None, all of them.
    consent: of tools that `tools` does not name.  `annotated` believes the server that a tool only
        reads, and makes that one free; the others ask.
    connect_seconds, call_seconds: how long the handshake and a call may take.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")
    command: str | None = Field(None, min_length=1)
    args: list[str] = Field([])
    env: dict[str, str] = Field({})
    url: str | None = None
    headers: dict[str, str] = Field({})
    allow: list[str] | None = None
    consent: Literal["ask", "free", "never", "annotated"] = "ask"
    tools: dict[str, Consent] = Field({})
    connect_seconds: float = Field(30.0, gt=0, le=600)
    call_seconds: float = Field(60.0, gt=0, le=3600)

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or "@" in url):
            raise ValueError("take an http or https URL without a password")
        return url

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if (self.command is None) == (self.url is None):
            raise ValueError(f"{self.name!r} needs either command or url")
        if self.url is not None and (self.args or self.env):
            raise ValueError(f"{self.name!r} has a url: args and env go with command")
        if self.command is not None and self.headers:
            raise ValueError(f"{self.name!r} has a command: headers go with url")
        return self

    def wants(self, tool: str, *, reads_only: bool) -> bool:
        """reads_only: the server says so, here and below."""
        return self.allow is None or tool in self.allow

    def consent_of(self, tool: str, *, reads_only: bool) -> Consent:
        if tool in self.tools:
            return self.tools[tool]
        if self.consent == "annotated":
            return "free" if reads_only else "ask"
        return self.consent

    def believes(self, tool: str) -> bool:
        """Whether what the server says of this tool holds for more than showing it."""
        return self.consent == "annotated" or self.tools.get(tool) == "free"

    def filled(self, texts: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
        """`env` or `headers` with their secrets.  Raises BadRequest as `filled`."""
        return {name: filled(text, environ, server=self.name) for name, text in texts.items()}


def filled(text: str, environ: Mapping[str, str], *, server: str) -> str:
    """`text` with its `${NAME}` replaced.

    Raises:
        BadRequest: a variable is not set; the line names it.
    """
    for name in VARIABLE.findall(text):
        if name not in environ:
            raise BadRequest(
                f"The MCP server {server!r} needs the environment variable {name}: set it.",
                param="tools.mcp",
            )
    return VARIABLE.sub(lambda match: environ[match.group(1)], text)
