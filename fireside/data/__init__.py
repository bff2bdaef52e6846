"""Files to batches: examples read, cleaned and written as tokens once, then served in an order
that is a pure function of the step.

The room refuses to know of models, losses and optimisers; and nothing here ever holds a whole
corpus in memory.
"""

from fireside.data.batches import IGNORE, Batch, Batches
from fireside.data.examples import Chat, Example, Judged, Kind, Origin, Preference, Problem, Text
from fireside.data.filters import Cleaning
from fireside.data.packed_chats import PackedChats
from fireside.data.packed_text import PackedText
from fireside.data.prepare import prepare
from fireside.data.prepared import Prepared, Split, open_prepared
from fireside.data.readers import read_examples
from fireside.data.report import Report
from fireside.data.source import Source
from fireside.data.token_examples import Examples, TokenJudged, TokenPair, TokenProblem

__all__ = [
    "IGNORE",
    "Batch",
    "Batches",
    "Chat",
    "Cleaning",
    "Example",
    "Examples",
    "Judged",
    "Kind",
    "Origin",
    "PackedChats",
    "PackedText",
    "Preference",
    "Prepared",
    "Problem",
    "Report",
    "Source",
    "Split",
    "Text",
    "TokenJudged",
    "TokenPair",
    "TokenProblem",
    "open_prepared",
    "prepare",
    "read_examples",
]
