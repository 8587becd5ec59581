"""The figures that the server keeps. Labels are never ids, nor anything else that clients can make up.

Each has its line in docs/operations.md, which a test holds to this list.
"""

from letta.telemetry.instruments import LONG, Counter, Histogram, Instrument, Level

requests = Counter("letta_http_requests", "Requests that were answered.", ("method", "route", "status"))
request_seconds = Histogram(
    "letta_http_request_duration_seconds",
    "Time until a request was answered as a whole, streams to their end.",
    ("method", "route"),
    bounds=LONG,
)
requests_in_progress = Level("letta_http_requests_in_progress", "Requests that are being answered.")
wrong_passwords = Counter("letta_wrong_passwords", "Requests with a wrong password or key.")

turns = Counter("letta_turns", "Turns that ended in this process.", ("status", "stop_reason"))
turn_seconds = Histogram("letta_turn_duration_seconds", "Time that turns took.", ("status",), bounds=LONG)
turns_taken_over = Counter("letta_turns_taken_over", "Turns that were taken over from a process that was gone.")

model_calls = Counter("letta_model_calls", "Calls of chat models.", ("provider", "model", "outcome"))
model_call_seconds = Histogram(
    "letta_model_call_duration_seconds",
    "Time that calls of chat models took, with their repetitions.",
    ("provider", "model"),
    bounds=LONG,
)
model_tokens = Counter("letta_model_tokens", "Tokens, as providers count them.", ("provider", "model", "kind"))
embedding_calls = Counter("letta_embedding_calls", "Calls of embedding models.", ("provider", "model", "outcome"))
embedding_call_seconds = Histogram(
    "letta_embedding_call_duration_seconds",
    "Time that calls of embedding models took.",
    ("provider", "model"),
    bounds=LONG,
)
embedding_queue = Level("letta_embedding_queue_passages", "Passages whose vectors this process knows to be due.")

tool_calls = Counter("letta_tool_calls", "Calls of tools by agents.", ("tool", "outcome"))
tool_seconds = Histogram(
    "letta_tool_duration_seconds",
    "Time that tools took which don't run within the database transaction.",
    ("tool",),
    bounds=LONG,
)

database_unit_seconds = Histogram(
    "letta_database_unit_duration_seconds", "Time that units of work in the database took, with their repetitions."
)
database_wait_seconds = Histogram("letta_database_wait_seconds", "Time that units waited for a free connection.")
database_statements = Counter("letta_database_statements", "SQL statements, COMMIT and ROLLBACK among them.")
database_retries = Counter("letta_database_retries", "Units that were tried again.", ("cause",))
database_failures = Counter("letta_database_failures", "Units that failed because of the database.", ("cause",))

event_loop_lag = Histogram(
    "letta_event_loop_lag_seconds", "How late the event loop was; measured while somebody asks for the figures."
)

INSTRUMENTS: tuple[Instrument, ...] = tuple(
    found for found in list(globals().values()) if isinstance(found, Instrument)
)
