"""One call of a tool: held to its schema, its time and its size, run once, and told of.

    called = call(tool, '{"expression": "2+2"}', context)
    called.outcome.for_model, called.as_receipt()

A tool runs in a thread of its own.  When its time is over the caller goes on without it: the thread
is told (`context.cancelled`), never waited for, and dies with the process.  It refuses a tool of
which too many calls have not come back.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from fireside.errors import BadRequest, FiresideError, Overloaded
from fireside.tools.ledger import LEDGER, Ledger, Ticket
from fireside.tools.outcome import Called, Outcome
from fireside.tools.text import bounded, clipped, plain
from fireside.tools.tool import Tool, ToolContext

log = logging.getLogger(__name__)

MAX_ARGUMENTS: Final = 256 * 1024
MAX_HANGING: Final = 4
LONGEST: Final = 2000  # letters of an argument in a receipt
_hanging: dict[str, set[int]] = {}
"""By tool: the tickets of calls whose time was over before they came back."""
_lock = threading.Lock()


def call(tool: Tool, arguments: str, context: ToolContext, *, ledger: Ledger = LEDGER) -> Called:
    """Run it, or give what the same call id gave before.  Never raises for what a tool does."""
    begun = time.perf_counter()
    given: Mapping[str, Any] = {}
    repeated = False
    try:
        given = parsed(tool, arguments)
        ticket, fresh = ledger.begin(tool, given, context)
        repeated = not fresh
        if fresh:
            _start(tool, given, context, ticket, ledger)
        outcome = _ended(tool, context, ticket)
    except FiresideError as error:
        outcome = Outcome(error=error.message)
    return Called(
        outcome=outcome,
        name=tool.name,
        call_id=context.call_id,
        arguments=shortened(given),
        consent=tool.consent,
        ms=(time.perf_counter() - begun) * 1000,
        size=outcome.size or len(outcome.text.encode()),
        repeated=repeated,
    )


def parsed(tool: Tool, arguments: str) -> dict[str, Any]:
    """
    Raises:
        BadRequest: no JSON object, or not as the tool's schema says.
    """
    if len(arguments) > MAX_ARGUMENTS:
        raise BadRequest(f"{tool.name}: the arguments are longer than {MAX_ARGUMENTS} letters.")
    try:
        given = json.loads(arguments or "{}")
    except RecursionError:
        raise BadRequest(f"{tool.name}: the arguments are nested too deeply.") from None
    except ValueError as error:
        raise BadRequest(f"{tool.name}: the arguments are no JSON: {error}.") from None
    if not isinstance(given, dict):
        raise BadRequest(f"{tool.name}: the arguments are no JSON object.")
    return checked(tool, given)


def checked(tool: Tool, given: dict[str, Any]) -> dict[str, Any]:
    """
    Raises:
        BadRequest: `given` is not what the schema says; names the member.
    """
    import jsonschema_rs

    try:
        # Rust's own regular expressions run in linear time, and nothing is fetched for a $ref.
        validator = jsonschema_rs.validator_for(
            dict(tool.parameters), pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
        error = next(iter(validator.iter_errors(given)), None)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        raise BadRequest(f"{tool.name}: its schema cannot be used: {str(problem)[:200]}.") from None
    if error is not None:
        where = ".".join(map(str, error.instance_path)) or "arguments"
        raise BadRequest(f"{tool.name}: {where}: {error.message[:300]}.")
    return given


def shortened(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a receipt: long values are cut, and say so."""
    return {name: _short(value) for name, value in given.items()}


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        return value
    return f"{text[:LONGEST]} [cut: {len(text)} letters]"


def _start(
    tool: Tool, given: Mapping[str, Any], context: ToolContext, ticket: Ticket, ledger: Ledger
) -> None:
    with _lock:
        hanging = len(_hanging.get(tool.name, ()))
    if hanging >= MAX_HANGING:
        ledger.withdraw(ticket)
        raise Overloaded(f"{tool.name} is not called: {hanging} calls of it have not come back.")

    def work() -> None:
        try:
            ticket.finish(_attempt(tool, given, context))
        finally:
            with _lock:
                ticket.done.set()
                _hanging.get(tool.name, set()).discard(id(ticket))

    threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()


def _ended(tool: Tool, context: ToolContext, ticket: Ticket) -> Outcome:
    """What it came to, if it does so in time; the same for whoever asks second."""
    if not ticket.done.wait(tool.seconds):
        context.cancelled.set()
        with _lock:
            if not ticket.done.is_set():
                _hanging.setdefault(tool.name, set()).add(id(ticket))
        more = " It may still be carried out: look before you ask again." if tool.acts else ""
        return Outcome(error=f"{tool.name} gave no answer within {tool.seconds:g} seconds.{more}")
    return ticket.outcome or Outcome(error=f"{tool.name} could not be run; try again.")


def _attempt(tool: Tool, given: Mapping[str, Any], context: ToolContext) -> Outcome:
    try:
        return bounded(tool.run(given, context), tool.bytes)
    except FiresideError as error:
        return Outcome(error=clipped(plain(error.message), tool.bytes)[0])
    except Exception as error:
        # Its text may hold what a log must not: addresses with tokens in them, arguments.
        log.warning("the tool %s failed with %s", tool.name, type(error).__name__)
        return Outcome(error=f"{tool.name} failed ({type(error).__name__}).")
