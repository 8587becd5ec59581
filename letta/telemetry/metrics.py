"""The figures that the server keeps. Labels are never ids, nor anything else that clients can make up.

Each has its line in docs/operations.md, which a test holds to this list.
"""

from letta.telemetry.instruments import LONG, Counter, Histogram, Instrument, Level

requests = Counter("letta_http_requests", "Requests that were answered.", ("method", "route", "status"))
request_seconds = Histogram(
    "letta_http_request_duration_seconds",
    "Time until a request was answered completely; for streams, until their end.",
    ("method", "route"),
    bounds=LONG,
)
requests_in_progress = Level("letta_http_requests_in_progress", "Requests that are being answered.")
wrong_passwords = Counter("letta_wrong_passwords", "Requests with a wrong password or key.")

turns = Counter("letta_turns", "Turns that ended in this process.", ("status", "stop_reason"))
turn_seconds = Histogram("letta_turn_duration_seconds", "Duration of turns.", ("status",), bounds=LONG)
turns_taken_over = Counter("letta_turns_taken_over", "Turns taken over from a process that had died.")

model_calls = Counter("letta_model_calls", "Calls to chat models.", ("provider", "model", "outcome"))
model_call_seconds = Histogram(
    "letta_model_call_duration_seconds",
    "Duration of calls to chat models, including retries.",
    ("provider", "model"),
    bounds=LONG,
)
model_tokens = Counter("letta_model_tokens", "Tokens, as counted by providers.", ("provider", "model", "kind"))
embedding_calls = Counter("letta_embedding_calls", "Calls to embedding models.", ("provider", "model", "outcome"))
embedding_call_seconds = Histogram(
    "letta_embedding_call_duration_seconds",
    "Duration of calls to embedding models.",
    ("provider", "model"),
    bounds=LONG,
)
embedding_queue = Level("letta_embedding_queue_passages", "Passages known to this process that still need vectors.")

tool_calls = Counter("letta_tool_calls", "Tool calls by agents.", ("tool", "outcome"))
tool_seconds = Histogram(
    "letta_tool_duration_seconds",
    "Duration of tool calls that don't run within the database transaction.",
    ("tool",),
    bounds=LONG,
)

database_unit_seconds = Histogram(
    "letta_database_unit_duration_seconds", "Duration of units of work in the database, including retries."
)
database_wait_seconds = Histogram(
    "letta_database_wait_seconds", "Time that units of work waited for a free connection."
)
database_statements = Counter("letta_database_statements", "SQL statements, including COMMIT and ROLLBACK.")
database_retries = Counter("letta_database_retries", "Units of work that were retried.", ("cause",))
database_failures = Counter("letta_database_failures", "Units of work that failed because of the database.", ("cause",))

event_loop_lag = Histogram(
    "letta_event_loop_lag_seconds", "Lag of the event loop; measured while metrics are being collected."
)

INSTRUMENTS: tuple[Instrument, ...] = tuple(
    found for found in list(globals().values()) if isinstance(found, Instrument)
)
