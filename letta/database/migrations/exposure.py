"""Keeping our tables away from Supabase's data API, whose anonymous key is public.

The schema isn't exposed by default; revoked usage and row security (of which the owner is exempt) close it even where
somebody exposes it. Every migration that makes tables calls `close_to_data_api` at its end.
"""

from alembic import op

from letta.database.base import SCHEMA

_STATEMENT = f"""
DO $$
DECLARE
    outsider text;
    made record;
BEGIN
    FOREACH outsider IN ARRAY ARRAY['public', 'anon', 'authenticated'] LOOP
        IF outsider = 'public' OR to_regrole(outsider) IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON SCHEMA {SCHEMA} FROM %s', outsider);
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM %s', outsider);
            EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA {SCHEMA} FROM %s', outsider);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} REVOKE ALL ON TABLES FROM %s', outsider);
        END IF;
    END LOOP;
    FOR made IN SELECT tablename FROM pg_tables WHERE schemaname = '{SCHEMA}' AND NOT rowsecurity LOOP
        EXECUTE format('ALTER TABLE {SCHEMA}.%I ENABLE ROW LEVEL SECURITY', made.tablename);
    END LOOP;
END $$
"""


def close_to_data_api() -> None:
    """Revoke what outsiders were granted and enable row security on every table of the schema."""
    op.execute(_STATEMENT)
