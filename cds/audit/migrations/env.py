"""Read by Alembic: the steps are run on the connection they are handed, in its transaction."""

from __future__ import annotations

from alembic import context

from cds.audit.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, compare_type=True
)
context.run_migrations()
