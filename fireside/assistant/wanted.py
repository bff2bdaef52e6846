"""What a caller asks of the model, beside the exchange.

Plain values; `answering.py` makes an answer of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fireside.assistant.budget import Fit
from fireside.assistant.toolbox import Decision
from fireside.engine.calling import Choice, Function
from fireside.engine.params import Constraint, SamplingParams

FREE: Final = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    params: without a constraint.  max_tokens bounds all rounds together.
    functions, choice, parallel, shape: as `calling_for` takes them; the functions are the
        caller's, who runs them.
    max_calls: of tools that run here.  may_ask: somebody is there to agree to one.
    is_raw: a model's own name in the API: no limit and no end but those that the caller sets.
    decisions: what the person said to calls of the history that asked, by the call's id.
    """

    params: SamplingParams
    fit: Fit
    functions: tuple[Function, ...] = ()
    choice: Choice = FREE
    parallel: bool | None = None
    shape: Constraint | None = None
    max_calls: int | None = None
    may_ask: bool = True
    is_raw: bool = False
    decisions: Mapping[str, Decision] = field(default_factory=dict)
