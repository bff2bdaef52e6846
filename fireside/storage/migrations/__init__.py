"""Alembic's folder: `env.py` runs it, `versions/` holds the steps, numbered and append-only."""
