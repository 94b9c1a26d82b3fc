"""What Alembic runs: migrations on the connection that upgrade.py hands over."""

from alembic import context

from whiteroom.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
