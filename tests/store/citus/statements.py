"""Statements as they are sent, and what PostgreSQL's own parser finds in them: which root they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pglast
import pytest

from app.store.connections import citus
from app.store.connections.database import Database

ast: Any = pglast.ast  # every part of a tree may be missing by its types


@dataclass
class Sent:
    """What connections have sent: statements with their values, and what went by COPY, as table and columns."""

    statements: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    copied: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    def log(self, logged: asyncpg.connection.LoggedQuery) -> None:
        """Keep a statement, with the values it was first sent with."""
        self.statements.setdefault(logged.query, tuple(logged.args or ()))


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """What all connections that are made from here on send."""
    sent = Sent()
    greet, copy = Database._greet, citus.copy

    async def greeted(self: Database, name: str, connection: Any) -> None:
        await greet(self, name, connection)
        connection.add_query_logger(sent.log)

    async def copied(connection: Any, table: str, columns: Any, rows: Any) -> None:
        sent.copied.add((table, tuple(columns)))
        await copy(connection, table, columns, rows)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "_greet", greeted)
        patched.setattr(citus, "copy", copied)
        yield sent


@dataclass(frozen=True)
class Scope:
    """A statement or one within it: the tables it reads or changes by their aliases, and of which of them it says that
    the root is a value (`bound`), or the same as that of another (`same`).
    """

    kind: str
    tables: dict[str, str]
    bound: frozenset[str]
    same: frozenset[frozenset[str]]

    def of_one_root(self, tables: set[str]) -> bool:
        """Whether each of its tables that is among these has one root."""
        mine = {alias for alias, table in self.tables.items() if table in tables}
        bound = self.bound | (mine if "" in self.bound and len(mine) == 1 else set())
        for _ in self.same:
            bound |= {alias for pair in self.same if pair & bound for alias in pair}
        return mine <= bound


@dataclass(frozen=True)
class Inserted:
    """Rows for a table: its columns, and the root of each row of VALUES (None: it selects them)."""

    table: str
    columns: tuple[str, ...]
    roots: tuple[Any, ...] | None


def found_in(statement: str) -> tuple[list[Scope], list[Inserted]]:
    """The scopes of a statement, or several, and what is inserted."""
    nodes = [node for raw in pglast.parse_sql(statement) for node in _within(raw.stmt)]
    named = {node.ctename for node in nodes if isinstance(node, ast.CommonTableExpr)}
    scopes = [
        scope
        for node in nodes
        if isinstance(node, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt) and (scope := _scope(node, named)).tables
    ]
    return scopes, [_inserted(node) for node in nodes if isinstance(node, ast.InsertStmt)]


def _within(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple | list):
        for each in node:
            yield from _within(each)
    elif isinstance(node, ast.Node):
        yield node
        for name in node:  # the names of its parts
            yield from _within(getattr(node, name))


def _scope(node: Any, named: set[str]) -> Scope:
    tables: dict[str, str] = {}
    conditions = [*_all_of(node.whereClause)]
    sources = [*((node.relation,) if hasattr(node, "relation") else ())]
    for clause in ("fromClause", "usingClause"):
        sources += getattr(node, clause, None) or ()
    while sources:
        source: Any = sources.pop()
        if isinstance(source, ast.JoinExpr):
            sources += (source.larg, source.rarg)
            conditions += _all_of(source.quals)
        elif isinstance(source, ast.RangeVar) and source.relname not in named:
            tables[source.alias.aliasname if source.alias else source.relname] = source.relname
    bound, same = set(), set()
    for each in conditions:
        if not isinstance(each, ast.A_Expr) or each.kind.name != "AEXPR_OP" or each.name[0].sval != "=":
            continue
        one, other = _root_of(each.lexpr), _root_of(each.rexpr)
        if one is not None and other is not None:
            same.add(frozenset((one, other)))
        elif one is not None and _is_value(each.rexpr):
            bound.add(one)
    return Scope(type(node).__name__, tables, frozenset(bound), frozenset(same))


def _all_of(condition: Any) -> Iterator[Any]:
    """The conditions that all have to hold."""
    if isinstance(condition, ast.BoolExpr) and condition.boolop.name == "AND_EXPR":
        for each in condition.args:
            yield from _all_of(each)
    elif condition is not None:
        yield condition


def _root_of(node: Any) -> str | None:
    """The alias of which an expression is the root's id; "" where it is not said."""
    if not isinstance(node, ast.ColumnRef):
        return None
    names = [getattr(part, "sval", "*") for part in node.fields]
    return ".".join(names[:-1]) if names[-1] == "root_id" else None


def _is_value(node: Any) -> bool:
    return isinstance(node.arg if isinstance(node, ast.TypeCast) else node, ast.ParamRef | ast.A_Const)


def _inserted(node: Any) -> Inserted:
    columns = tuple(each.name for each in node.cols or ())
    rows = node.selectStmt.valuesLists if node.selectStmt is not None else None
    roots = None
    if rows and "root_id" in columns:
        roots = tuple(row[columns.index("root_id")] for row in rows)
    return Inserted(node.relation.relname, columns, roots)
