"""Fireside: a ChatGPT of your own.

The folder listing is the architecture; `docs/architecture.md` draws it.  Nothing heavy is
imported here: `import fireside` must stay cheap enough for `fireside --help`.
"""

__version__ = "0.1.0"
