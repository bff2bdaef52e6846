"""What an assistant can do besides talking: a registry of typed functions, and those we ship.

    registry = Registry([...])
    offered = registry.offered(config)               # tools, each with the consent that it needs
    called = call(tool, arguments_json, context)     # bounded, once for a call id, for the receipt
    exchange.tools += [BoundTool(tool, context) for tool in offered]     # as the core runs them

A tool holds nothing by itself that these lines already hold: its arguments fit its schema, its time
and its size are bounded, and one that acts has been agreed to.
"""
