"""What `letta doctor` looks at: every condition of a sound installation, each with its remedy."""

from letta.doctor.check import Check, Status
from letta.doctor.context import DoctorContext
from letta.doctor.report import exit_code, render
from letta.doctor.run import run_checks

__all__ = ["Check", "DoctorContext", "Status", "exit_code", "render", "run_checks"]
