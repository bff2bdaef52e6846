"""Run by Alembic: apply the steps on the connection that `migrate.py` hands over.

It refuses to find a database by itself: there is no alembic.ini, the store is the only caller.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
