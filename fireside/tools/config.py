"""`[tools]` of a persona: what may be called, what it needs first, and how much.

The default offers nothing.  It refuses to know which tools there are: the registry does.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from fireside.sections import PersonaSection
from fireside.tools.mcp.config import McpServer
from fireside.tools.running import Consent


class Contact(PersonaSection):
    """Somebody who can be written to by name."""

    phone: str | None = Field(None, description="With the country's code, such as +4930123456.")
    email: str | None = None


class ToolsConfig(PersonaSection):
    allow: list[str] = Field(
        [], description="Names of tools that are offered; a `*` at the end stands for any rest."
    )
    consent: dict[str, Consent] = Field(
        {}, description="Per tool: free (it runs), ask (a person says yes first), never."
    )
    seconds: float | None = Field(
        None, gt=0, le=600, description="A call takes no longer, whatever the tool says of itself."
    )
    bytes: int | None = Field(
        None, ge=256, description="A result is no longer, whatever the tool says of itself."
    )
    by_rules: bool = Field(
        False,
        description="Plain requests for the shipped tools are read by rules first, without the "
        "model; what a tool gives is then the answer.",
    )
    timezone: str = Field("UTC", description="The person's time zone, such as Asia/Shanghai.")
    contacts: dict[str, Contact] = Field({}, description="People, by the names they are called.")
    web_hosts: list[str] = Field(
        [], description="Hosts that `web_fetch` may read; `*.example.org` takes those below."
    )
    mcp: list[McpServer] = Field(
        [], description="MCP servers whose tools are offered beside those of `allow`."
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name[:64]!r} is no time zone; try Europe/Berlin") from None
        return name
