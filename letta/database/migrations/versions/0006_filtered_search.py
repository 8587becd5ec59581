"""Passages are indexed by their tags as well, so that in a large archive those with a rare one are found by it.

Those with tags that are stored already are indexed anew in the background (`letta.search.indexing`).

Also, what a search compares stays in the row: in rows as large as vectors make them, even ids would move out, each of
which costs a search as much as the vector itself. Rows that are stored already stay as they are.
"""

from alembic import op

from letta.database.base import SCHEMA

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION {SCHEMA}.index_passage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search := {SCHEMA}.search_words(NEW.text) || array_to_tsvector(
                ARRAY['@' || right(NEW.archive_id, 12)]
                || ARRAY(SELECT '#' || left(tag, 200) FROM unnest(NEW.tags) AS tag WHERE tag IS NOT NULL)
            );
            RETURN NEW;
        END $$
    """)
    op.execute(f"DROP TRIGGER index_passage ON {SCHEMA}.passages")
    op.execute(f"""
        CREATE TRIGGER index_passage BEFORE INSERT OR UPDATE OF archive_id, text, tags ON {SCHEMA}.passages
        FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.index_passage()
    """)
    kept = ("id", "organization_id", "archive_id", "tags", "embedding_model", "created_by_id", "last_updated_by_id")
    storage = ", ".join(f"ALTER COLUMN {column} SET STORAGE MAIN" for column in kept)
    op.execute(f"ALTER TABLE {SCHEMA}.passages {storage}")
    op.execute(f"""
        INSERT INTO {SCHEMA}.server_facts (key, value)
        SELECT 'search_index_passages_from', '' WHERE EXISTS (SELECT FROM {SCHEMA}.passages WHERE tags <> '{{}}')
        ON CONFLICT (key) DO UPDATE SET value = ''
    """)
