"""What the API says where an answer is being written to a conversation: OpenAI's words."""

from __future__ import annotations

from fireside.errors import BadRequest


def locked_error() -> BadRequest:
    """What a second request is refused with."""
    return BadRequest(
        "Another process is currently operating on this conversation. "
        "Please retry in a few seconds.",
        param="conversation",
        code="conversation_locked",
    )
