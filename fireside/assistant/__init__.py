"""One turn of a stored conversation: path, budget, prompt, answer, receipt.

`Chat` is the room's door; a `Turn` streams `Delta`s and ends with `Done`.
"""

from fireside.assistant.chat import Chat
from fireside.assistant.turn import Delta, Done, Turn

__all__ = ["Chat", "Delta", "Done", "Turn"]
