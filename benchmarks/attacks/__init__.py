"""Attacks on a server of one's own, by name: bounded in count and in time, on 127.0.0.1 only.

The number is the row of the table of promises in docs/reliability.md.
"""

from attacks import bodies, connections, documents
from attacks.target import MODEL, Attack, Target

ATTACKS: dict[str, tuple[int, Attack]] = {
    **documents.ATTACKS,
    **connections.ATTACKS,
    **bodies.ATTACKS,
}
__all__ = ["ATTACKS", "MODEL", "Attack", "Target"]
