"""Our tools, documents and models for MCP clients: `POST /mcp`, and `fireside mcp` without HTTP.

    offers.py     what a caller may use, and what each use comes to
    protocol.py   the same as the protocol has it, by the package `mcp`
    endpoint.py   the protocol over streamable HTTP, as one route of the application

It refuses what the API refuses: each use goes through the API's own routes, as its caller.
"""
