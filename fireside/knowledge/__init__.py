"""Documents to cited passages: read, chunk, embed, keep, find.

`collections.py` is the door: `Collections` keeps vector stores and their files, `Ingest` makes
passages of files, `Search` finds them.  The room refuses to know of HTTP, and of what is done
with a passage; a document is data from a stranger, so office files and PDFs are read in a process
of their own, with limits.  Nothing is imported here: that process starts by importing this file.
"""
