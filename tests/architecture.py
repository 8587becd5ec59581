"""The source as rules look at it: what modules import, whether they hold SQL, what they define and refer to."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_SQL = {"select", "insert", "update", "delete", "text"}
_SENDING = {"execute", "scalar", "scalars", "exec_driver_sql"}
_ONLY_DECORATE = {"dataclass", "contextmanager", "asynccontextmanager", "cache", "lru_cache", "total_ordering"}
"""Decorators that leave it to others to call what they decorate; frameworks call what has any other."""


@dataclass(frozen=True)
class Module:
    """One file, by its dotted name."""

    name: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The room: ``agents`` of ``letta.agents.service``; ``letta`` of the package itself."""
        return self.name.split(".")[1] if "." in self.name else self.name

    @property
    def last(self) -> str:
        """The name of the file."""
        return self.name.rpartition(".")[2]

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """What the module names at its own level, but for what a framework calls through a decorator."""
        found: dict[str, ast.stmt] = {}
        for statement in self.tree.body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    if all(_name(each) in _ONLY_DECORATE for each in statement.decorator_list):
                        found[statement.name] = statement
                case ast.Assign(targets=targets):
                    stored = (node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
                    found |= {node.id: statement for node in stored if isinstance(node.ctx, ast.Store)}
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found[name] = statement
        return {name: statement for name, statement in found.items() if not name.startswith("__")}

    @property
    def sql(self) -> Iterator[str]:
        """Where it builds or sends statements."""
        ours = {
            alias.asname or alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
            for alias in node.names
            if alias.name in _SQL
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                match node.func:
                    case ast.Name(id=name) if name in ours:
                        yield f"{self.name}:{node.lineno} {name}("
                    case ast.Attribute(attr=name) if name in _SENDING:
                        yield f"{self.name}:{node.lineno} .{name}("


class Source:
    """All modules, and what one has to do with another."""

    def __init__(self, root: Path, folders: tuple[str, ...]) -> None:
        paths = [path for folder in folders for path in (root / folder).rglob("*.py")] + list(root.glob("*.py"))
        named = {_dotted(path.relative_to(root)): path for path in paths}
        self.modules = {name: Module(name, ast.parse(path.read_text())) for name, path in named.items()}

    def of(self, package: str) -> list[Module]:
        """The modules of a package, and of those in it."""
        return [module for name, module in self.modules.items() if f"{name}.".startswith(f"{package}.")]

    def imports(self, module: Module) -> set[str]:
        """The modules that one imports, at its own level or on first use."""
        found: set[str] = set()
        for node in ast.walk(module.tree):
            match node:
                case ast.Import(names=names):
                    found |= {alias.name for alias in names}
                case ast.ImportFrom(module=str(origin), names=names):
                    whole = {f"{origin}.{alias.name}" for alias in names}
                    found |= {each if each in self.modules else origin for each in whole}
        return found

    def references(self, module: Module) -> set[tuple[str, str]]:
        """What a module refers to, as module and name. What a definition says of itself doesn't count."""
        found: set[tuple[str, str]] = set()
        aliases: dict[str, str] = {}
        for node in ast.walk(module.tree):
            match node:
                case ast.Import(names=names):
                    aliases |= {alias.asname: alias.name for alias in names if alias.asname}
                case ast.ImportFrom(module=str(origin), names=names):
                    found |= {(origin, alias.name) for alias in names}
                    aliases |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in names}
                case ast.Attribute(value=value, attr=attribute):
                    named = ast.unparse(value) if isinstance(value, ast.Name | ast.Attribute) else ""
                    found.add((aliases.get(named, named), attribute))
        for statement in module.tree.body:
            own = {name for name, definition in module.definitions.items() if definition is statement}
            for node in ast.walk(statement):
                # A name in quotes may be an annotation.
                match node:
                    case ast.Name(id=name, ctx=ast.Load()) | ast.Constant(value=str(name)) if name not in own:
                        found.add((module.name, name))
        return found


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
