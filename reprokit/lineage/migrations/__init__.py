"""How the tables of a lineage store came to be, a step a file (Alembic)."""
