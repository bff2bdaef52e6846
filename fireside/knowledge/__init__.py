"""Documents to cited passages: read, chunk, embed, keep, find.

`collections.py` is the door: `Collections` keeps vector stores and their files, `Ingest` makes
passages of files, `Search` finds them.  A document is data from a stranger: each is read in a
process of its own, with limits.  Nothing is imported here: that process starts by importing this
file.
"""
