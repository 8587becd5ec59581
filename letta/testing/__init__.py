"""Tools for testing against a real server: a scripted model, a server process, a watched Postgres.

Nothing starts on import, and each tool is in a module of its own:

- `letta.testing.scripted_model.ScriptedModel`: a model provider that answers by script, over real HTTP
- `letta.testing.remote_model.ScriptedModelProcess`: the same in a process of its own
- `letta.testing.server.ServerProcess`: the server as a subprocess with an explicit environment
- `letta.testing.postgres.throwaway_schema`: a Postgres schema of one's own, dropped at the end
- `letta.testing.postgres.PostgresWire`: counts, delays and cuts the traffic to a Postgres server
- `letta.testing.persistence`: whether everything survives a crash and the loss of LETTA_DIR (`test_persistence.py`)
"""
