"""`[safety.privacy]` of a persona: what happens to personal data, and which kinds count.

    [safety.privacy]
    mode = "pseudonymise"
    kinds = ["NAME", "EMAIL", "PHONE"]
    allow = ["support@example.com"]

It refuses to be half on: a persona without the section masks nothing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fireside.safety.privacy.kinds import KINDS, Kind

Mode = Literal["off", "redact", "pseudonymise", "block"]


class PrivacyConfig(BaseModel):
    """
    mode: `off`; `redact` writes `[EMAIL]` for good; `pseudonymise` writes `[EMAIL_1]` and keeps
        the value encrypted, for its owner's eyes; `block` refuses the message, naming the kinds.
    kinds: those that count.
    allow: values that are nobody's secret, such as the desk's own address.
    answers: whether what the model writes is masked too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    mode: Mode = "off"
    kinds: list[Kind] = Field(default_factory=lambda: list(KINDS), min_length=1)
    allow: list[str] = Field(default_factory=list, max_length=1000)
    answers: bool = True
