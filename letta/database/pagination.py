"""Keyset pages over rows with an id."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Select, Table, and_, exists, func, literal_column, or_, select

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted.

    ``after`` and ``before`` are ids: later and earlier *in the requested order*. An unknown cursor is ignored.
    """

    limit: int | None = 50
    before: str | None = None
    after: str | None = None
    order: Order = "desc"


def paginate(
    query: Select[Any], table: Table, page: Page, *, sort: Column[Any] | None = None, nulls_last: bool = False
) -> Select[Any]:
    """Cut and order ``query`` (over ``table``) by ``sort`` (default: ``created_at``), ties broken by id.

    Combining both cursors gives what lies between them. Rows come in the requested order; with ``before`` alone they
    are the first of the list, as upstream answers.
    """
    key = sort if sort is not None else table.c.created_at
    ascending = page.order == "asc"
    for cursor, later in ((page.after, True), (page.before, False)):
        if cursor is not None:
            query = query.where(_beyond(table, key, cursor, later=later, ascending=ascending))
    direction = key.asc() if ascending else key.desc()
    if nulls_last:
        direction = direction.nulls_last()
    query = query.order_by(direction, table.c.id.asc() if ascending else table.c.id.desc())
    return query if page.limit is None else query.limit(page.limit)


def _beyond(table: Table, key: Column[Any], cursor: str, *, later: bool, ascending: bool) -> ColumnElement[bool]:
    anchor = table.alias()
    value = select(anchor.c[key.name]).where(anchor.c.id == cursor).scalar_subquery()
    greater = later == ascending
    identity = table.c.id > cursor if greater else table.c.id < cursor
    beyond = or_(key > value if greater else key < value, and_(key == value, identity))
    if not key.nullable:
        # The first condition says nothing new, but leads to where the index has to be read from.
        everything = literal_column("'-infinity'" if greater else "'infinity'", key.type)
        begins = func.coalesce(value, everything)
        return and_(key >= begins if greater else key <= begins, or_(value.is_(None), beyond))
    known = exists(select(anchor.c.id).where(anchor.c.id == cursor))
    return or_(~known, _beyond_nulls(key, value, beyond, identity, later=later))


def _beyond_nulls(
    key: Column[Any],
    value: ColumnElement[Any],
    beyond: ColumnElement[bool],
    identity: ColumnElement[bool],
    *,
    later: bool,
) -> ColumnElement[bool]:
    """What lies beyond a cursor in a list that ends with the rows whose key is null."""
    among_nulls = and_(value.is_(None), key.is_(None), identity)
    if later:
        return or_(beyond, and_(value.is_not(None), key.is_(None)), among_nulls)
    return or_(beyond, and_(value.is_(None), key.is_not(None)), among_nulls)
