"""Heads on the embedding model: sentiment, moderation, injection.  See `__main__.py`.

Refuses to know what a verdict leads to: `safety` loads what is made here.
"""
