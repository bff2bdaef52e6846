"""MCP servers as tools: everyone else's programs, over standard input and output or HTTP.

    servers = Servers(os.environ)
    found = servers.tools(persona.tools.mcp)         # connects when first asked
    found.tools                                      # as the answering core knows tools
    found.left_out                                   # what is not there, and why
    servers.close()                                  # no process is left behind

Nothing that a server says is believed: its texts are data, its annotations make no call free, and
every message is bounded in size and time.
"""
