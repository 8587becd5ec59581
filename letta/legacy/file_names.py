"""Names of files, which the former server kept with that of their folder in front."""

from letta.json_types import JsonObject
from letta.legacy.reading import Reading

_COLUMNS = ("id", "source_id", "file_name", "original_file_name")


def names_of_files(reading: Reading, rows: list[JsonObject]) -> dict[str, str]:
    """By id. Where nothing but the folder in front told two files of it apart, the second one has its id in front."""
    folders = _folders(reading, rows)
    names = {row["id"]: _name(row, folders) for row in rows}
    first = _first(reading, rows, folders)
    for row in rows:
        name = names[row["id"]]
        if first[row["source_id"], name] != row["id"]:
            reading.notes.add("Files with the same name as another file in their folder got their id as a prefix", name)
            names[row["id"]] = f"{row['id']} {name}"
    return names


def _folders(reading: Reading, rows: list[JsonObject]) -> dict[str, str]:
    found = reading.related("sources", ("id", "name"), "id", {row["source_id"] for row in rows})
    return {row["id"]: row["name"] for row in found}


def _first(reading: Reading, rows: list[JsonObject], folders: dict[str, str]) -> dict[tuple[str, str], str]:
    """The lowest id of the files of a folder that have a name."""
    names = {_name(row, folders) for row in rows}
    written = names | {f"{folder}/{name}" for folder in folders.values() for name in names}
    first: dict[tuple[str, str], str] = {}
    for row in (*rows, *reading.related("files", _COLUMNS, "file_name", written)):
        place = row["source_id"], _name(row, folders)
        first[place] = min(first.get(place, row["id"]), row["id"])
    return first


def _name(row: JsonObject, folders: dict[str, str]) -> str:
    name = str(row["file_name"] or row["original_file_name"] or row["id"])
    return name.removeprefix(f"{folders.get(row['source_id'], '')}/")
