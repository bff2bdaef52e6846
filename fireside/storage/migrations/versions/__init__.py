"""One file per step, `m0001_….py`; a released step is never edited."""
