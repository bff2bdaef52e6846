"""The opaque item that a compacted history becomes: written here, read back here.

Its content is the summary, packed: it is opaque to clients and no secret from its owner, who has
the conversation anyway.  What this server did not write is refused, and so is what would unpack
to more than a request may hold.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Final

from fireside.errors import BadRequest

MARK: Final = "fsc1."
LARGEST: Final = 4 * 2**20
FOREWORD: Final = "Summary of the conversation so far:\n"


def sealed(summary: str) -> str:
    packed = zlib.compress(json.dumps({"summary": summary}).encode())
    return MARK + base64.urlsafe_b64encode(packed).decode()


def opened(content: str) -> str:
    """What the model reads of a compaction.

    Raises:
        BadRequest: it is not one of this server's.
    """
    try:
        if not content.startswith(MARK):
            raise ValueError
        packed = base64.b64decode(content[len(MARK) :], altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(packed, LARGEST)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError
        summary = json.loads(raw)["summary"]
        if not isinstance(summary, str):
            raise TypeError
        summary.encode()  # no half characters: they came past the checks of the body
    except (ValueError, TypeError, KeyError, zlib.error, binascii.Error, RecursionError):
        raise BadRequest(
            "This compaction was not made by this server, or was changed; send the items "
            "themselves, or compact them here.",
            param="input",
            code="invalid_compaction",
        ) from None
    return FOREWORD + summary
