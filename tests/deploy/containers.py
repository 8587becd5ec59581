"""Builds and runs real containers on a machine that reaches no image registry.

Images are built by Buildah on a base made from Debian packages, and run by Podman as a small host would run them: the
image's own user, read-only root file system, only /tmp writable, no capabilities, a hard limit of memory, on the
machine's own network. All of it is kept in a store apart from that of other containers.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STORE = Path(os.environ.get("LETTA_TEST_CONTAINERS", "/var/tmp/letta-test-containers"))
_STATE = Path("/dev/shm") / STORE.name  # on a tmpfs, so that it doesn't outlive a reboot

# What Debian has of the published images that a Dockerfile may name.
_BASES = {"python:3.11-slim-bookworm": "bookworm", "python:3.13-slim-trixie": "trixie"}
_PACKAGES = "python3,python3-venv,ca-certificates"

# Debian 12's crun refuses machines that mount both versions of control groups. Podman asks for more open files than
# the limit, which needs a capability that root may lack.
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = ["--root", str(STORE / "root"), "--runroot", str(_STATE / "storage"), "--storage-driver", "overlay"]


def build(dockerfile: Path, context: Path, tag: str) -> None:
    """Build an image, with the machine's certificates and index settings mounted while its RUN lines are executed."""
    for base in _bases_of(dockerfile):
        _ensure_base(base)
    mounts = _make_mounts()
    volumes = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    options = ["--isolation=chroot", "--network=host", "--format=docker", "--pull=never", "--layers", *volumes]
    _run(["buildah", *_STORAGE, "build", *options, f"--file={dockerfile}", f"--tag={tag}", str(context)], timeout=1200)


class Container:
    """A running container. A context manager that removes it."""

    def __init__(
        self, image: str, environment: Mapping[str, str], *, volumes: Sequence[str] = (), memory: str = "512m"
    ) -> None:
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        limits = ["--memory", memory, "--memory-swap", memory, "--cap-drop=all", "--security-opt=no-new-privileges"]
        # As with Docker: no entry in /etc/passwd for an unknown user, and nothing writable but what is asked for.
        files = ["--read-only", "--read-only-tmpfs=false", "--passwd=false", "--tmpfs=/tmp:size=64m,mode=1777"]
        mounts = [f"--volume={volume}" for volume in volumes]
        options = ["--detach", "--pull=never", "--network=host", *limits, *files, *mounts, *variables]
        self.id = _podman("run", *options, image).strip()

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def pid(self) -> int:
        """Process id on the machine; 0 when it has ended."""
        return int(_podman("inspect", "--format={{.State.Pid}}", self.id))

    @property
    def running(self) -> bool:
        return self._state() == "running"

    @property
    def exit_code(self) -> int:
        return int(_podman("inspect", "--format={{.State.ExitCode}}", self.id))

    @property
    def log(self) -> str:
        return _podman("logs", self.id, stderr=True)

    def execute(self, *command: str) -> str:
        return _podman("exec", self.id, *command)

    def healthy(self) -> bool:
        """What the image's own health check says now."""
        command = ["podman", "--log-level=fatal", *_STORAGE, "healthcheck", "run", self.id]
        return subprocess.run(command, env=_environment(), capture_output=True, check=False).returncode == 0

    def wait(self, timeout: float = 60) -> int:
        """Wait for it to end by itself; its exit code."""
        deadline = time.monotonic() + timeout
        while self._state() not in {"exited", "stopped"}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the container still runs:\n{self.log}")
            time.sleep(0.1)
        return self.exit_code

    def stop(self) -> int:
        """Ask it to end (SIGTERM), kill it after 30 s (exit code 137); its exit code."""
        _podman("stop", "--time=30", self.id)
        return self.exit_code

    def kill(self) -> None:
        _podman("kill", self.id)

    def remove(self) -> None:
        _podman("rm", "--force", "--time=1", self.id)

    def _state(self) -> str:
        return _podman("inspect", "--format={{.State.Status}}", self.id).strip()


def remove_volume(name: str) -> None:
    _podman("volume", "rm", "--force", name)


def _bases_of(dockerfile: Path) -> set[str]:
    lines = [line.split() for line in dockerfile.read_text().splitlines()]
    return {words[1] for words in lines if words and words[0].upper() == "FROM"}


def _ensure_base(name: str) -> None:
    if _has_image(name):
        return
    archive = STORE / "base" / f"{name.replace(':', '_')}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        draft = archive.with_suffix(".part")
        # Python in /usr/local, where the published images have it; as a virtual environment, which Debian lets pip use.
        hooks = ['chroot "$1" python3 -m venv /usr/local', 'rm -f "$1/etc/hostname"; : >"$1/etc/resolv.conf"']
        options = [f"--customize-hook={hook}" for hook in hooks]
        options += [
            "--quiet",
            "--format=tar",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            "--dpkgopt=force-unsafe-io",
        ]
        _run(["mmdebstrap", *options, _BASES[name], str(draft)], timeout=900)
        draft.rename(archive)
    path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    _podman("import", "--quiet", f"--change={path}", "--change=ENV LANG=C.UTF-8", str(archive), name)


def _has_image(name: str) -> bool:
    command = ["podman", "--log-level=fatal", *_STORAGE, "image", "exists", name]
    return subprocess.run(command, env=_environment(), check=False).returncode == 0


def _make_mounts() -> dict[Path, str]:
    directory = STORE / "mounts"
    certificates = directory / "certificates"
    certificates.mkdir(parents=True, exist_ok=True)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", certificates)  # the others are links out of the directory
    lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt"]
    for name in ("index-url", "extra-index-url"):
        command = ["python3", "-m", "pip", "config", "get", f"global.{name}"]
        value = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        lines += [f"{name} = {value}"] if value else []
    (directory / "pip.conf").write_text("\n".join(lines) + "\n")
    return {certificates: "/etc/ssl/certs", directory / "pip.conf": "/etc/pip.conf"}


def _environment() -> dict[str, str]:
    for directory in (STORE / "tmp", _STATE):
        directory.mkdir(parents=True, exist_ok=True)
    configuration = STORE / "containers.conf"
    configuration.write_text(_CONFIGURATION + f'tmp_dir = "{_STATE}/libpod"\n')
    return {**os.environ, "CONTAINERS_CONF": str(configuration), "TMPDIR": str(STORE / "tmp")}


def _podman(*arguments: str, stderr: bool = False) -> str:
    # It logs errors about timers for health checks where there is no systemd.
    return _run(["podman", "--log-level=fatal", *_STORAGE, *arguments], timeout=120, stderr=stderr)


def _run(command: Sequence[str], *, timeout: float, stderr: bool = False) -> str:
    result = subprocess.run(
        command,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result.stdout + (result.stderr if stderr else "")
