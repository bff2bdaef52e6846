"""Attacks on a server of one's own, by name: bounded in count and in time, on 127.0.0.1 only.

The number is the row of the table of promises in docs/reliability.md.
"""

import asyncio

from attacks import bodies, connections, documents
from attacks.target import MODEL, Attack, Target


async def nothing(target: Target) -> None:
    """To see what the machine itself does to the figures."""
    await asyncio.sleep(target.seconds)


ATTACKS: dict[str, tuple[int, Attack]] = {
    "nothing": (0, nothing),
    **documents.ATTACKS,
    **connections.ATTACKS,
    **bodies.ATTACKS,
}
__all__ = ["ATTACKS", "MODEL", "Attack", "Target"]
