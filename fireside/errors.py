"""Every error that Fireside raises on purpose, as one tree.

FiresideError                     500
├── BadRequest                    400   the caller's fault; names the parameter
│   ├── Unsupported               400   a known parameter that we do not implement
│   ├── ContextOverflow           400   prompt + answer do not fit the model's window
│   └── BadSchema                 400   a schema, pattern or grammar that cannot be compiled
├── NotFound                      404   no such model, conversation, message ...
│   └── UnknownModel              404   says which names come near
├── Conflict                      409   somebody else holds it: a port, a lock
├── Overloaded                    429   the queue is full; `retry_after` seconds
├── Corrupt                       500   a file is truncated, lying or hostile
├── NonFinite                     500   training met inf or NaN; says where the batch is
├── Unavailable                   503   no network, no disk, no memory, shutting down
└── Interrupted                   499   the caller went away or pressed Ctrl-C

Each carries one line for a person: what is wrong, and what to do next.  This file refuses to
know anything of HTTP but the number; the server turns an error into OpenAI's envelope.
"""

from __future__ import annotations

from typing import ClassVar


class FiresideError(Exception):
    """The root.  `str(error)` is one line that a person can act on.

    Args:
        message: what is wrong and what to do next, one line.
        param: the request's parameter at fault, as the caller spelled it.
        code: a short machine-readable word, OpenAI's where it has one.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code


class BadRequest(FiresideError):
    status = 400
    type = "invalid_request_error"


class Unsupported(BadRequest):
    default_code = "unsupported_parameter"


class ContextOverflow(BadRequest):
    default_code = "context_length_exceeded"


class BadSchema(BadRequest):
    default_code = "invalid_schema"


class NotFound(FiresideError):
    status = 404
    type = "invalid_request_error"
    default_code = "not_found"


class UnknownModel(NotFound):
    default_code = "model_not_found"


class Conflict(FiresideError):
    status = 409
    type = "invalid_request_error"
    default_code = "conflict"


class Overloaded(FiresideError):
    """The queue is full.  `retry_after`: seconds after which it is worth asking again."""

    status = 429
    type = "rate_limit_error"
    default_code = "queue_full"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Corrupt(FiresideError):
    default_code = "corrupt_file"


class NonFinite(FiresideError):
    default_code = "non_finite"


class Unavailable(FiresideError):
    status = 503
    default_code = "unavailable"


class Interrupted(FiresideError):
    status = 499
    default_code = "interrupted"
