"""What the end of a turn does for groups whose agents look after memory, as parts of the statement that stores it.

They depend on what that statement calls ``lease``: nothing happens where the lease is lost.
"""

from letta.database.base import SCHEMA

COUNT_TURN = f"""managed AS (
    UPDATE {SCHEMA}.groups
    SET turns_counter = coalesce(turns_counter, -1) + 1, updated_at = now(),
        last_processed_message_id = CASE
            WHEN (coalesce(turns_counter, -1) + 1) % coalesce(sleeptime_agent_frequency, 1) = 0
            THEN coalesce(:last_message_id, last_processed_message_id) ELSE last_processed_message_id
        END
    FROM lease
    WHERE groups.manager_agent_id = :agent_id AND groups.manager_type = 'sleeptime'
    RETURNING groups.id, turns_counter % coalesce(sleeptime_agent_frequency, 1) = 0 AS due
), members AS (
    SELECT managed.id AS group_id, conversations.id AS conversation_id, agents.id, agents.project_id,
        waiting.id AS waiting_id
    FROM managed
    JOIN {SCHEMA}.groups_agents ON groups_agents.group_id = managed.id
    JOIN {SCHEMA}.agents ON agents.id = groups_agents.agent_id
    JOIN {SCHEMA}.conversations ON conversations.agent_id = agents.id AND conversations.is_default
    LEFT JOIN {SCHEMA}.runs waiting ON waiting.queued IS NOT NULL AND waiting.agent_id = agents.id
        AND waiting.queued ->> 'group_id' = managed.id
    WHERE managed.due AND agents.id <> :agent_id
), queued AS (
    INSERT INTO {SCHEMA}.runs (id, organization_id, created_by_id, last_updated_by_id, agent_id, conversation_id,
        status, request, metadata, project_id, queued)
    SELECT 'run-' || gen_random_uuid(), :organization_id, :user_id, :user_id, id, conversation_id, 'created',
        CAST(:sleeptime_request AS jsonb), CAST(:sleeptime_metadata AS jsonb) || jsonb_build_object('agent_id', id),
        project_id, jsonb_build_object('group_id', group_id)
    FROM members WHERE waiting_id IS NULL
    RETURNING id
), due AS (
    SELECT id FROM queued UNION SELECT waiting_id FROM members WHERE waiting_id IS NOT NULL
)"""  # noqa: S608 - the schema's name is validated by the settings
"""At the end of a turn of an agent whose memory others look after: one of them waits at most once."""

DUE_RUNS = "(SELECT jsonb_agg(id ORDER BY id) FROM due)"
"""After `COUNT_TURN`, the ids of the runs that wait since then."""

NOTE_PROCESSED = f"""processed AS (
    UPDATE {SCHEMA}.groups_agents SET processed_sequence_id = :through
    FROM lease WHERE groups_agents.group_id = :group_id AND groups_agents.agent_id = :agent_id
)"""  # noqa: S608 - the schema's name is validated by the settings
"""At the end of a turn in which memory was looked after: that it needn't be told the same again."""
