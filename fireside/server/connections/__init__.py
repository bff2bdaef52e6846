"""The web server's connections: how many there may be, and how long one may keep others waiting.

uvicorn speaks HTTP and WebSocket; what it has no option for stands here.
"""

from fireside.server.connections.web import WebServer, web_server
from fireside.server.connections.websocket import ANSWERING

__all__ = ["ANSWERING", "WebServer", "web_server"]
