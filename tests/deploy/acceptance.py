"""What "it deploys on Render with Supabase without surprises" means, point by point, and the tests that show it.

    python -m tests.deploy.acceptance [pytest options]

Runs them and prints one line a point, as every run of the whole suite does. A point whose tests can't run on this
machine is not passed: its line says why. The exit code is 1 if any point failed, or names tests that don't exist; with
LETTA_TEST_NO_SKIPS also if one was skipped.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

DSN, FAILURES = "tests/database/test_dsn.py", "tests/database/test_failures.py"
START, SMALL, OUTAGES, ROLLING = (
    f"tests/deploy/test_{name}.py" for name in ("start_script", "small_instance", "outages", "rolling_deploy")
)
POOLER, TWO = "tests/pooler/test_supabase.py", "tests/runs/test_two_instances.py"


@dataclass
class Point:
    """One point: a title, and how the node ids of its tests begin."""

    number: int
    title: str
    tests: tuple[str, ...]
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def covers(self, node: str) -> bool:
        """Whether a test is one of this point's."""
        return any(node == test or node.startswith((f"{test}::", f"{test}[")) for test in self.tests)

    @property
    def is_sound(self) -> bool:
        """Whether it was shown, and nothing speaks against it."""
        return bool(self.passed) and not self.failed

    def __str__(self) -> str:
        if self.failed:
            result = f"FAILED: {', '.join(self.failed)}"
        elif not self.passed:
            result = f"NOT SHOWN: {self.skipped[0] if self.skipped else 'no such test'}"
        else:
            skipped = f", {len(self.skipped)} skipped ({self.skipped[0]})" if self.skipped else ""
            result = f"passed ({self.passed} tests{skipped})"
        return f"{self.number:2} {self.title}: {result}"


def points() -> list[Point]:
    """All of them, in order."""
    return [Point(number, title, tests) for number, (title, tests) in enumerate(_POINTS, 1)]


_POINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("render.yaml is valid and needs no paid plan", ("tests/deploy/test_render_yaml.py",)),
    (
        "an ordinary user, nothing writable but /tmp",
        (f"{START}::test_one_process_that_writes_below_tmp_only", "tests/deploy/test_container.py"),
    ),
    (
        "a LETTA_DIR of somebody else is refused in one line",
        (
            f"{START}::test_a_directory_of_somebody_else_is_refused",
            f"{START}::test_a_directory_that_cannot_be_made_is_refused",
        ),
    ),
    (
        "PORT and reserved ports",
        (
            f"{START}::test_the_port_is_renders_unless_another_is_given",
            "tests/server/test_policy.py::test_where_it_listens",
        ),
    ),
    ("one process, whatever WEB_CONCURRENCY says", (f"{START}::test_one_process_that_writes_below_tmp_only",)),
    ("a cold start at a tenth of a CPU", (f"{SMALL}::test_it_is_healthy_before_anybody_gives_up",)),
    (
        "512 MB suffice",
        (f"{SMALL}::test_its_memory_suffices_for_lists_streams_and_uploads", "tests/deploy/test_crowd.py"),
    ),
    (
        "every form of connection string",
        (DSN, f"{POOLER}::test_every_form_of_the_connection_string_connects"),
    ),
    (
        "the pooler in transaction mode",
        (
            f"{POOLER}::test_an_agent_edits_its_memory_in_a_turn_of_several_steps",
            f"{POOLER}::test_more_agents_at_once_than_the_pooler_has_connections",
            f"{POOLER}::test_nothing_of_ours_stays_on_shared_connections",
        ),
    ),
    (
        "the pooler in session mode, two instances",
        (f"{POOLER}::test_two_instances_of_a_deploy_start_at_once_and_share_the_session_pooler",),
    ),
    (
        "TLS, verified and not",
        (
            f"{FAILURES}::test_certificate_is_verified",
            f"{FAILURES}::test_tls_not_offered",
            "tests/doctor/test_connection_checks.py::test_encrypted_and_verified",
            "tests/doctor/test_connection_checks.py::test_server_that_cannot_be_verified_is_not_spoken_to_in_clear",
        ),
    ),
    (
        "pgvector in another schema, no superuser",
        (f"{POOLER}::test_the_stand_in_is_as_strict_as_what_it_stands_for", f"{POOLER}::test_passages_are_found"),
    ),
    (
        "pgvector missing: who has to run what",
        (
            "tests/doctor/test_database_checks.py::test_role_that_may_do_nothing_is_told_what_an_administrator_has_to_run",
        ),
    ),
    (
        "a schema that the data API doesn't see",
        (
            f"{POOLER}::test_the_data_api_sees_nothing_of_ours",
            "tests/database/test_migrations.py::test_every_table_is_closed_to_the_data_api",
        ),
    ),
    (
        "two instances start at once; a current schema is left alone",
        (
            f"{POOLER}::test_two_instances_of_a_deploy_start_at_once_and_share_the_session_pooler",
            "tests/database/test_migrations.py::test_a_current_schema_is_left_alone",
            f"{ROLLING}::test_migrations_by_both_at_once",
        ),
    ),
    (
        "a rolling deploy",
        (
            f"{TWO}::test_a_stream_is_followed_from_the_other_instance",
            f"{TWO}::test_a_run_that_ends_within_the_grace_is_not_cut_off",
            f"{TWO}::test_blocking_clients_do_not_notice_a_restart",
            f"{ROLLING}::test_a_deploy_under_load_loses_nothing_and_does_nothing_twice",
        ),
    ),
    ("SIGTERM in a turn", (f"{TWO}::test_a_run_that_outlasts_the_grace_goes_on_at_the_other_instance",)),
    (
        "kill -9 in a turn",
        (
            f"{TWO}::test_zombie_runs_of_a_killed_process_are_taken_over_from_their_last_step",
            f"{TWO}::test_a_run_killed_before_its_first_step_is_begun_again",
            "tests/turn/test_interruptions.py::test_a_killed_server_never_bricks_an_agent",
        ),
    ),
    (
        "backends that are ended",
        (
            f"{OUTAGES}::test_every_connection_may_be_ended_while_nobody_uses_it",
            "tests/database/test_engine.py::test_a_backend_that_was_ended_is_replaced",
            "tests/database/test_engine.py::test_a_commit_that_was_cut_off_is_looked_up",
        ),
    ),
    (
        "a database that is away",
        (
            f"{OUTAGES}::test_a_restart_of_postgres_is_survived",
            f"{OUTAGES}::test_a_server_that_starts_before_its_database_waits",
        ),
    ),
    (
        "refusals of poolers explained, logins tried once",
        (
            f"{FAILURES}::test_refusals_at_connect",
            f"{FAILURES}::test_a_refused_login_is_tried_once_and_not_again_for_a_minute",
            f"{FAILURES}::test_prefer_would_try_a_refused_login_twice_so_it_is_not_used",
        ),
    ),
    ("a host of IPv6 alone", (f"{FAILURES}::test_direct_host_without_ipv6_leads_to_the_pooler",)),
    ("a read-only database", (f"{OUTAGES}::test_a_read_only_database_serves_what_can_be_served",)),
    (
        "time-outs and locks",
        (
            f"{OUTAGES}::test_no_transaction_is_open_while_a_model_thinks",
            f"{OUTAGES}::test_a_locked_table_is_given_up_and_loses_nothing",
            f"{FAILURES}::test_failed_statements",
        ),
    ),
    (
        "streams through proxies, sizes, odd headers",
        ("tests/deploy/test_proxies.py", "tests/http/test_edge.py"),
    ),
)


class Judge:
    """A plugin of pytest: gives every result to the points that it belongs to, and tells them at the end."""

    def __init__(self, judged: Iterable[Point]) -> None:
        self._points = list(judged)

    @property
    def is_content(self) -> bool:
        """Whether every point was shown, or can't be on this machine where skipping is allowed."""
        skips_count = bool(os.environ.get("LETTA_TEST_NO_SKIPS"))
        return all(point.is_sound or (not skips_count and point.skipped and not point.failed) for point in self._points)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for point in self._points:
            if point.covers(report.nodeid):
                self._note(point, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and not self.is_content:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("it deploys on Render with Supabase without surprises")
        for point in self._points:
            terminalreporter.line(str(point))

    def _note(self, point: Point, report: pytest.TestReport) -> None:
        if report.failed:
            point.failed.append(report.nodeid.rpartition("::")[2])
        elif report.skipped:
            point.skipped.append(report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr))
        elif report.when == "call":
            point.passed += 1


def pytest_configure(config: pytest.Config) -> None:
    """Judge every run of the whole suite, in the process that tells its results."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    options = config.option
    selected = options.markexpr or options.keyword or options.collectonly or getattr(options, "lf", False)
    if whole and not selected and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Judge(points()))


def main() -> None:
    judged = points()
    tests = sorted({test for point in judged for test in point.tests})
    sys.exit(pytest.main(["-q", *sys.argv[1:], *tests], plugins=[Judge(judged)]))


if __name__ == "__main__":
    main()
