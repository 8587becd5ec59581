"""`letta import-legacy`: bringing everything over, looking at it beforehand, comparing it afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

from letta.database.embedded import EmbeddedPostgres
from letta.database.encryption import keyring
from letta.database.engine import Database
from letta.database.migrations import HEAD, current_revision
from letta.errors import ConfigurationError
from letta.legacy import found_repository, target_repository
from letta.legacy.key_check import check_key
from letta.legacy.notes import Notes
from letta.legacy.progress import Progress
from letta.legacy.providers import names_of_added
from letta.legacy.reading import Facts
from letta.legacy.report import Stock, found, render, take_stock
from letta.legacy.secrets import LegacySecrets
from letta.legacy.sections import SECTIONS
from letta.legacy.service import Importer, all_tools, read_page, with_tools
from letta.legacy.source import Source, opened_source
from letta.legacy.state import State
from letta.legacy.verify import Verifier
from letta.llm.configured import configured_providers
from letta.server.keys import present_key
from letta.server.preparation import prepare_database
from letta.server.startup import opened_database
from letta.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        dry_run: only read, and tell what would be done.
        verify: compare, and change nothing.
        when_empty: do nothing where something is stored here already, or there is nothing to import.
        leave_locked: leave out secrets that can't be opened.
        accepted: a revision that isn't known, and shall be read all the same.
    """

    dry_run: bool = False
    verify: bool = False
    when_empty: bool = False
    leave_locked: bool = False
    accepted: str | None = None


def import_legacy(settings: Settings, wish: Wish, say: Say) -> bool:
    """Do what is asked for. Returns whether all is well.

    Raises:
        ConfigurationError: it can't be done, and it says what to change. Nothing was changed then, or what was brought
            over stays, and the next import goes on behind it.
    """
    with opened_database(settings) as (database, embedded):
        if wish.when_empty:
            prepare_database(settings, database, embedded)  # which waits for a database that isn't up yet
            if not _is_wanted(settings, database, say):
                return True
        with opened_source(settings, database, wish.accepted) as source:
            if wish.dry_run or wish.verify:
                keyring.load(present_key(settings, embedded))
            return _Command(settings, wish, say, database, source).run(embedded)


def _is_wanted(settings: Settings, database: Database, say: Say) -> bool:
    if not database.read_sync(found_repository.is_open):
        return False
    there = settings.legacy_pg_uri is not None or database.read_sync(
        found_repository.what_is_there, settings.legacy_pg_schema
    )
    if not there:
        say("LETTA_IMPORT_LEGACY: this database contains no data of the former server.")
        return False
    return True


class _Command:
    def __init__(self, settings: Settings, wish: Wish, say: Say, database: Database, source: Source) -> None:
        self._settings = settings
        self._wish = wish
        self._say = say
        self._database = database
        self._source = source
        self._stock: Stock = source.database.read_sync(take_stock, source.shape)
        self._progress = Progress(self._total)
        key = settings.legacy_encryption_key or settings.encryption_key
        secrets = LegacySecrets(key.get_secret_value() if key else None)
        added = source.database.read_sync(names_of_added, source.shape)
        providers = {*added, *(provider.name for provider in configured_providers(settings))}
        self._facts = Facts(source.shape, secrets, providers=providers, leave_locked=wish.leave_locked)

    def run(self, embedded: EmbeddedPostgres | None) -> bool:
        if not self._wish.dry_run:
            self._say(found(self._stock, self._source.place))
        self._source.database.read_sync(check_key, self._facts)
        if self._wish.verify:
            return self._verify()
        if self._wish.dry_run:
            return self._look()
        prepare_database(self._settings, self._database, embedded)
        importer = Importer(self._database, self._source, self._facts, self._progress.show)
        state = importer.run()
        self._progress.end()
        self._tell(state.read, state.new, Notes.from_json(state.notes))
        self._say("\nEverything was imported. To compare both databases, run `letta import-legacy --verify`.")
        return True

    def _look(self) -> bool:
        """Read and convert everything."""
        facts = self._with_tools()
        notes, read = Notes(), dict[str, int]()
        for section in SECTIONS:
            after: str | int | None = None
            while (page := read_page(self._source, facts, section, after)).last is not None:
                notes.merge(page.notes)
                read[section.name] = read.get(section.name, 0) + page.read
                after = page.last
                self._progress.show(section.name, read[section.name])
        self._progress.end()
        self._tell(read, None, notes)
        self._say("\nNothing was changed: this was a dry run.")
        return True

    def _verify(self) -> bool:
        if self._database.read_sync(current_revision) != HEAD:
            raise ConfigurationError("Nothing has been imported yet. Run `letta import-legacy`.")
        kept = self._database.read_sync(target_repository.state)
        if kept is None:
            raise ConfigurationError("Nothing has been imported yet. Run `letta import-legacy`.")
        verifier = Verifier(self._database, self._source, self._with_tools(), self._progress.show)
        agrees = verifier.run(State.from_json(kept).finished_at)
        self._progress.end()
        self._say(f"{'table':24}{'expected':>10}{'same':>10}{'found':>10}  {'old checksum':12}  {'new checksum':12}")
        for compared in verifier.tables.values():
            for line in compared.lines():
                self._say(line)
        self._say("\nEverything that was imported is unchanged." if agrees else "\nThere are differences; see above.")
        return agrees

    def _with_tools(self) -> Facts:
        tools = self._source.database.read_sync(all_tools, self._facts)
        is_current = self._database.read_sync(current_revision) == HEAD
        known = self._database.read_sync(target_repository.tool_ids) if is_current else {}
        return with_tools(self._facts, tools, known)

    def _tell(self, read: dict[str, int], new: dict[str, int] | None, notes: Notes) -> None:
        title = [found(self._stock, self._source.place)] if new is None else []
        self._say("\n".join([*title, "", *render(self._stock, read, new, notes)]))

    def _total(self, section: str) -> int:
        return next(self._stock.total(each) for each in SECTIONS if each.name == section)
