"""Conversations that an answer is being written to, refused in OpenAI's words."""

from __future__ import annotations

from fireside.assistant import locks
from fireside.errors import BadRequest, FiresideError


class Locks(locks.Locks):
    def refusal(self) -> FiresideError:
        return BadRequest(
            "Another process is currently operating on this conversation. "
            "Please retry in a few seconds.",
            param="conversation",
            code="conversation_locked",
        )
