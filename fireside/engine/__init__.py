"""Token ids in, token ids out: schedule, run, sample, emit.

This room knows nothing of HTTP, conversations or chat templates; `text.py` is its one window to
text, for callers who would rather not count tokens.
"""

from fireside.engine.reproducible import ask_mkl

ask_mkl()
