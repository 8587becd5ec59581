"""What names mean in a source, as far as annotations need it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

_MODULES = {"typing", "typing_extensions", "collections.abc", "builtins", "pydantic", "enum", "types"}
"""Modules whose names are known by heart; a name that isn't imported is taken for one of theirs."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names at the top of a source. A later definition of a name hides an earlier one."""

    imports: dict[str, str] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)

    def meaning(self, node: ast.expr) -> str | None:
        """The plain name of a well-known type, such as ``Optional`` for ``t.Optional``; None for anything else."""
        dotted = dotted_name(node)
        if dotted is None:
            return None
        first, _, rest = dotted.partition(".")
        origin = self.imports.get(first, first)
        module, _, name = f"{origin}.{rest}".rstrip(".").rpartition(".")
        return name if not module or module in _MODULES else None


def dotted_name(node: ast.expr) -> str | None:
    """``a.b.c`` as text, or None where the expression is something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted_name(node.value)
        return owner and f"{owner}.{node.attr}"
    return None


def read_scope(module: ast.Module) -> Scope:
    """The names that the top level of a source defines."""
    scope = Scope()
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            scope.classes[node.name] = node
        scope.imports.update(_imported(node))
        scope.aliases.update(_aliased(node))
    return scope


def _imported(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for name in node.names:
            yield (name.asname, name.name) if name.asname else (name.name.partition(".")[0],) * 2
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        for name in node.names:
            yield name.asname or name.name, f"{node.module}.{name.name}"


def _aliased(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
