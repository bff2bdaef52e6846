"""What each guard finds and misses, in one sentence each, for whoever relies on it.

The figures were measured on texts of other people than those that the guard was made with
(docs/safety.md and docs/privacy.md have the tables and the commands).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "moderation": (
        "English only. Finds 47 % of sexual texts, 43 % of self-harm and of harassment, 11 % of "
        "hate, 4 % of violence, and 13 % of requests for harm; does not judge sexual/minors, "
        "hate/threatening and violence/graphic at all."
    ),
    "sentiment": "English only; a text that is certainly in another language is not judged.",
    "injection": (
        "Finds 14 % of the attacks of ten other types (none that sends data out) and flags 18 % of "
        "clean forum posts; what holds is that acting tools ask first."
    ),
    "personal data": (
        "Finds 65 % of names and 36 to 65 % of addresses as other people wrote them, and of a "
        "country without a form here none; e-mail, cards and numbers with a check sum are found."
    ),
    "uncertainty": (
        "Off by default: with the embedded model hardly better than chance (AUROC 0.55 on nine "
        "tasks), and 78 % of the answers are called unsure."
    ),
}
"""By the guard's name."""
