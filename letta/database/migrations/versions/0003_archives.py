"""Archives and their passages; the search index of passages and messages.

Both `search` columns are filled by triggers: adding them rewrites no table, old code goes on inserting as it did, and
the statements of a turn stay as they are. Messages that are stored already are indexed in the background afterwards
(`letta.search.indexing`).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api
from letta.database.vectors import installed_support

revision = "0003"
down_revision = "0002"


class _Type(UserDefinedType[object]):
    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_options: object) -> str:
        return self.name


def upgrade() -> None:
    _create_tables()
    _create_functions()
    op.execute(f"""
        CREATE TRIGGER index_passage BEFORE INSERT OR UPDATE OF archive_id, text ON {SCHEMA}.passages
        FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.index_passage()
    """)
    op.execute(f"""
        CREATE TRIGGER index_message BEFORE INSERT OR UPDATE OF content, tool_calls ON {SCHEMA}.messages
        FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.index_message()
    """)
    op.execute(f"""
        INSERT INTO {SCHEMA}.server_facts (key, value)
        SELECT 'search_index_messages_from', '' WHERE EXISTS (SELECT FROM {SCHEMA}.messages)
    """)
    close_to_data_api()


def _audit_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def _create_tables() -> None:
    op.create_table(
        "archives",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("embedding_config", postgresql.JSONB()),
        sa.Column("metadata", postgresql.JSONB()),
        sa.Column("embedding_due", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("embedding_claimed_until", sa.DateTime(timezone=True)),
        *_audit_columns(),
        _reference("archives", "organization_id", "organizations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_archives_organization_id"), "archives", ["organization_id"], schema=SCHEMA)
    op.create_index(
        "ix_archives_organization_id_created_at_id", "archives", ["organization_id", "created_at", "id"], schema=SCHEMA
    )
    op.create_index(
        "ix_archives_embedding_due", "archives", ["id"], schema=SCHEMA, postgresql_where=sa.text("embedding_due")
    )
    op.create_table(
        "archives_agents",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("is_owner", sa.Boolean(), server_default="false", nullable=False),
        _reference("archives_agents", "agent_id", "agents"),
        _reference("archives_agents", "archive_id", "archives"),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_archives_agents")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_archives_agents_archive_id"), "archives_agents", ["archive_id"], schema=SCHEMA)
    op.create_table(
        "passages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("embedding", _Type(installed_support(op.get_bind()).type)),
        sa.Column("embedding_model", sa.Text()),
        sa.Column("search", postgresql.TSVECTOR()),
        *_audit_columns(),
        _reference("passages", "organization_id", "organizations"),
        _reference("passages", "archive_id", "archives"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passages")),
        schema=SCHEMA,
    )
    # What a search reads of every candidate stays in the row, where reading it costs a tenth; the text may move out.
    op.execute(f"""
        ALTER TABLE {SCHEMA}.passages
        ALTER COLUMN embedding SET STORAGE MAIN, ALTER COLUMN search SET STORAGE MAIN
    """)
    op.create_index(op.f("ix_passages_organization_id"), "passages", ["organization_id"], schema=SCHEMA)
    op.create_index(
        "ix_passages_archive_id_created_at_id",
        "passages",
        ["archive_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_passages_search",
        "passages",
        ["search"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.add_column("messages", sa.Column("search", postgresql.TSVECTOR()), schema=SCHEMA)
    op.execute(f"ALTER TABLE {SCHEMA}.messages ALTER COLUMN search SET STORAGE MAIN")
    op.create_index(
        "ix_messages_search",
        "messages",
        ["search"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("search IS NOT NULL"),
    )


def _create_functions() -> None:
    # Accents go from Latin and Greek letters only: elsewhere (Cyrillic й, Japanese が) the mark makes another letter,
    # which stemmers know. Chinese and Japanese, written without spaces, are cut into their characters.
    op.execute(rf"""
        CREATE FUNCTION {SCHEMA}.search_folded(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN octet_length(t) = length(t) THEN t ELSE regexp_replace(
                translate(
                    normalize(regexp_replace(normalize(t, NFD), '([A-Za-zΑ-Ωα-ω])[\u0300-\u036f]+', '\1', 'g'), NFC),
                    'øØłŁđĐıħ', 'oOlLdDih'
                ),
                '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])', ' \1 ', 'g'
            ) END
        $$
    """)
    # Replaced where another language is set (`letta.search.indexing`). A text is indexed by its beginning.
    op.execute(f"""
        CREATE FUNCTION {SCHEMA}.search_words(t text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT to_tsvector('pg_catalog.english'::regconfig, {SCHEMA}.search_folded(left(t, 100000)))
        $$
    """)
    # The lexeme that begins with @ leads an index scan to one archive, or one agent, among all of them.
    op.execute(f"""
        CREATE FUNCTION {SCHEMA}.index_passage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search := array_to_tsvector(ARRAY['@' || right(NEW.archive_id, 12)]) || {SCHEMA}.search_words(NEW.text);
            RETURN NEW;
        END $$
    """)
    # Only what people and agents say to each other: no prompt, tool result, summary or envelope of the loop.
    op.execute(rf"""
        CREATE FUNCTION {SCHEMA}.index_message() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            said text;
        BEGIN
            NEW.search := NULL;
            IF NEW.role IN ('user', 'assistant', 'approval') OR (NEW.role = 'system' AND NEW.run_id IS NOT NULL) THEN
                SELECT string_agg(part ->> 'text', E'\n') INTO said
                FROM jsonb_array_elements(NEW.content) AS part WHERE part ->> 'type' = 'text';
                IF NEW.tool_calls IS NOT NULL THEN
                    SELECT concat_ws(E'\n', said, string_agg(replace(
                        regexp_replace(call ->> 'arguments', '^\s*\{{\s*"message"\s*:', ''), '\n', E'\n'
                    ), E'\n')) INTO said
                    FROM jsonb_array_elements(NEW.tool_calls) AS call WHERE call ->> 'name' = 'send_message';
                END IF;
                IF said <> '' AND NOT left(said, 80) ~ '^\{{\s*"type"\s*:\s*"(heartbeat|login|system_alert)"' THEN
                    NEW.search := array_to_tsvector(ARRAY['@' || right(NEW.agent_id, 12)])
                        || {SCHEMA}.search_words(said);
                END IF;
            END IF;
            RETURN NEW;
        END $$
    """)
