"""The section of the system message that shows the skills which a client offers."""

from collections.abc import Sequence

from letta.json_types import JsonObject


def available_skills(skills: Sequence[JsonObject]) -> str:
    """The ``<available_skills>`` section: where the skills are, as a tree, and what they are for."""
    root: JsonObject = {}
    for skill in skills:
        path = [part for part in (skill.get("location") or skill["name"]).split("/") if part]
        place = root
        for part in path[:-1]:
            place = place.setdefault(part, {})
        leaf = path[-1] if path else skill["name"]
        description = " ".join((skill.get("description") or "").split())
        place.setdefault(f"{leaf} ({description})" if description else leaf, {})
    lines = [line for name, below in root.items() for line in (name, *_branches(below, ""))]
    return "\n".join(["<available_skills>", *lines, "</available_skills>"])


def _branches(below: JsonObject, indent: str) -> list[str]:
    lines: list[str] = []
    for index, (name, deeper) in enumerate(below.items(), 1):
        last = index == len(below)
        lines.append(f"{indent}{'└── ' if last else '├── '}{name}{'/' if deeper else ''}")
        lines += _branches(deeper, indent + ("    " if last else "│   "))
    return lines
