"""An MCP server of three tools: the desk of a small library.

    python examples/mcp/library.py            # speaks MCP over standard input and output

The persona beside it (`library.toml`) starts it by itself.  Copy both and write tools of your own.
"""

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("library")
READS = ToolAnnotations(read_only_hint=True)

BOOKS = {"Emma": 2, "Dracula": 0, "Middlemarch": 1}
HOURS = {"saturday": "10:00 to 14:00", "sunday": "closed"}


@server.tool(annotations=READS)
def find_book(title: str) -> str:
    """How many copies of a book are on the shelf."""
    known = {name.lower(): name for name in BOOKS}
    name = known.get(title.strip().lower())
    if name is None:
        return f"The library has no book called {title!r}."
    return f"{name}: {BOOKS[name]} on the shelf."


@server.tool(annotations=READS)
def opening_hours(day: str) -> str:
    """When the library is open on a day of the week."""
    return f"{day.strip().capitalize()}: {HOURS.get(day.strip().lower(), '9:00 to 18:00')}."


@server.tool()
def reserve(title: str, reader: str) -> str:
    """Reserve a book for a reader."""
    if BOOKS.get(title, 0) == 0:
        return f"{title} cannot be reserved: there is no copy on the shelf."
    BOOKS[title] -= 1
    return f"{title} is reserved for {reader}."


if __name__ == "__main__":
    server.run("stdio")
