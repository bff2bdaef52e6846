"""The assistant: one turn of a conversation, from what was said to an answer with its receipt.

`Chat` answers in stored conversations; its `Turn` gives `Delta`s and the other `pieces` and ends
with `Done`.  `Assistant` is the part that every surface shares: personas, the steps of a turn
(`steps/`), and the core that makes the answer (`answering.py`).
"""

from fireside.assistant.assistant import Assistant
from fireside.assistant.chat import Chat
from fireside.assistant.turn import Delta, Done, Turn

__all__ = ["Assistant", "Chat", "Delta", "Done", "Turn"]
