"""A machine as small as the plan's: limits of memory and CPU by control groups, of either version. Needs root."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000


@dataclass(frozen=True)
class Instance:
    """The groups of a small instance: one, or with version 1 one for each resource."""

    groups: tuple[Path, ...]
    peak_file: Path
    kills_file: Path

    def command(self, *command: str) -> list[str]:
        """A command that runs it within."""
        enter = "".join(f'echo $$ > "{group}/cgroup.procs" && ' for group in self.groups)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *command]

    @property
    def peak_mb(self) -> float:
        """The most memory that was used so far, page cache included."""
        return int(self.peak_file.read_text()) / 1e6

    @property
    def killed(self) -> int:
        """How many processes were ended for want of memory."""
        fields = dict(line.split() for line in self.kills_file.read_text().splitlines())
        return int(fields["oom_kill"])


def obstacle() -> str | None:
    """Why no limits can be set here."""
    if os.geteuid() != 0:
        return "needs root, to limit memory and CPU"
    try:
        with small_instance(512, 1.0):
            return None
    except OSError as error:
        return f"needs control groups that can be made: {error}"


@contextmanager
def small_instance(memory_mb: int, cpus: float) -> Iterator[Instance]:
    """Control groups with these limits, no swap; they go when their processes have ended."""
    name = f"letta-test-{secrets.token_hex(4)}"
    make = _version_2 if (_ROOT / "cgroup.controllers").exists() else _version_1
    instance = make(name, memory_mb * 1024 * 1024, int(cpus * _PERIOD))
    try:
        yield instance
    finally:
        for group in instance.groups:
            _remove(group)


def _version_1(name: str, memory: int, quota: int) -> Instance:
    in_memory, in_cpu = _ROOT / "memory" / name, _ROOT / "cpu" / name
    for group in (in_memory, in_cpu):
        group.mkdir()
    (in_memory / "memory.limit_in_bytes").write_text(str(memory))
    with suppress(FileNotFoundError):  # where swap isn't counted
        (in_memory / "memory.memsw.limit_in_bytes").write_text(str(memory))
    (in_cpu / "cpu.cfs_period_us").write_text(str(_PERIOD))
    (in_cpu / "cpu.cfs_quota_us").write_text(str(quota))
    return Instance((in_memory, in_cpu), in_memory / "memory.max_usage_in_bytes", in_memory / "memory.oom_control")


def _version_2(name: str, memory: int, quota: int) -> Instance:
    group = _ROOT / name
    group.mkdir()
    (group / "memory.max").write_text(str(memory))
    with suppress(FileNotFoundError):
        (group / "memory.swap.max").write_text("0")
    (group / "cpu.max").write_text(f"{quota} {_PERIOD}")
    return Instance((group,), group / "memory.peak", group / "memory.events")


def _remove(group: Path) -> None:
    for _ in range(100):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
