"""What the API says where an answer is being written to a conversation: OpenAI's words."""

from __future__ import annotations

from fireside.errors import BadRequest


def is_locked() -> BadRequest:
    return BadRequest(
        "Another process is currently operating on this conversation. "
        "Please retry in a few seconds.",
        param="conversation",
        code="conversation_locked",
    )
