"""The migrated database against docs/db-schema.md: the live catalogue and the document's own text must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.postgres

DOCUMENT = Path(__file__).parents[2] / "docs" / "db-schema.md"
TYPE_NAMES = {"timestamptz": "timestamp with time zone"}
"""Names the document uses where the catalogue spells them out."""


@dataclass
class TableSpec:
    columns: list[tuple[str, str, bool, str | None]] = field(default_factory=list)
    """(name, type, nullable, default), in order."""
    primary_key: list[str] = field(default_factory=list)
    identity: list[str] = field(default_factory=list)
    foreign_keys: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(column, table, column there, what deleting does)."""
    indexes: list[tuple[str, tuple[str, ...], str | None]] = field(default_factory=list)
    """(name, columns, condition)."""


@dataclass
class Schema:
    enums: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, TableSpec] = field(default_factory=dict)


def ticked(text: str) -> list[str]:
    return re.findall(r"`([^`]*)`", text)


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each `###` heading with its list items, continuation lines joined."""
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        joined = re.sub(r"\n {2,}", " ", body)
        yield heading.strip(), [line for line in joined.splitlines() if line.strip()]


def documented() -> Schema:
    schema = Schema()
    for heading, lines in sections(DOCUMENT.read_text()):
        if heading == "Enums":
            for line in lines:
                name, *labels = ticked(line)
                schema.enums[name] = labels
        elif heading.startswith("Table: "):
            schema.tables[ticked(heading)[0]] = parse_table(lines)
        elif heading == "Later migrations":
            for line in (line for line in lines if line.startswith("- ")):
                _, index, table, *columns, condition = ticked(line)
                schema.tables[table].indexes.append((index, tuple(columns), condition))
        else:
            raise AssertionError(f"an unknown section: {heading}")
    return schema


def parse_table(lines: list[str]) -> TableSpec:
    table = TableSpec()
    in_indexes = False
    for line in lines:
        if line == "Indexes:":
            in_indexes = True
        elif in_indexes:
            name, *columns = ticked(line)
            condition = columns.pop() if " where " in line else None
            table.indexes.append((name, tuple(columns), condition))
        elif line.startswith("- "):
            parse_column(line, table)
    return table


def parse_column(line: str, table: TableSpec) -> None:
    match = re.fullmatch(r"- `(\w+)` \((.*)\)(?: — .*)?", line)
    assert match, line
    name, facts = match.groups()
    kind = ticked(facts)[0]
    default = re.search(r"default `([^`]*)`", facts)
    table.columns.append((name, TYPE_NAMES.get(kind, kind), "nullable" in facts, default and default.group(1)))
    if "PK" in facts:
        table.primary_key.append(name)
    if "auto-increment" in facts:
        table.identity.append(name)
    if "FK" in facts:
        target = re.search(r"FK → `(\w+)\.(\w+)` ON DELETE (\w+)", facts)
        assert target, line
        table.foreign_keys.append((name, target[1], target[2], target[3]))


ENUMS = """
    SELECT t.typname, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
    FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname
"""
TABLES = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
IDENTITY = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''"
PRIMARY_KEY = """
    SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(num, place)
    JOIN pg_attribute a ON a.attnum = k.num
    WHERE i.indrelid = %(table)s::regclass AND i.indisprimary AND a.attrelid = i.indrelid ORDER BY k.place
"""
FOREIGN_KEYS = """
    SELECT a.attname, c.confrelid::regclass::text, f.attname,
        CASE c.confdeltype WHEN 'c' THEN 'CASCADE' ELSE c.confdeltype::text END
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ALL (c.conkey)
    JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = ALL (c.confkey)
    WHERE c.conrelid = %s::regclass AND c.contype = 'f' ORDER BY a.attnum
"""
INDEXES = """
    SELECT i.indexrelid::regclass::text,
        ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnatts) k),
        pg_get_expr(i.indpred, i.indrelid)
    FROM pg_index i WHERE i.indrelid = %s::regclass AND NOT i.indisprimary
"""


def live(url: str) -> Schema:
    schema = Schema()
    with psycopg.connect(url) as connection:
        schema.enums = dict(connection.execute(ENUMS).fetchall())
        for (name,) in connection.execute(TABLES).fetchall():
            schema.tables[name] = TableSpec(
                columns=[(*row,) for row in connection.execute(COLUMNS, [name])],
                primary_key=[column for (column,) in connection.execute(PRIMARY_KEY, {"table": name})],
                identity=[column for (column,) in connection.execute(IDENTITY, [name])],
                foreign_keys=[(*row,) for row in connection.execute(FOREIGN_KEYS, [name])],
                indexes=[
                    (index, tuple(column.strip('"') for column in columns), condition and plain(condition))
                    for index, columns, condition in connection.execute(INDEXES, [name])
                ],
            )
    return schema


def plain(condition: str) -> str:
    """PostgreSQL puts every term into parentheses."""
    return condition.replace("(", "").replace(")", "")


def test_enums_have_the_documented_labels_in_the_documented_order(database_url: str) -> None:
    assert live(database_url).enums == documented().enums


def test_there_are_exactly_the_documented_tables(database_url: str) -> None:
    assert sorted(live(database_url).tables) == sorted(documented().tables) != []


TABLES_GIVEN = ("audit_sessions", "audit_pages", "artifacts", "crawl_logs")
TABLES_OF_RETENTION = (
    "retention_holds",
    "retention_deferrals",
    "retention_leftovers",
    "retention_breaks",
    "orphan_receipts",
)


@pytest.mark.parametrize("table", [*TABLES_GIVEN, *TABLES_OF_RETENTION])
def test_a_table_is_as_documented(database_url: str, table: str) -> None:
    found, wanted = live(database_url).tables[table], documented().tables[table]
    assert found.columns == wanted.columns
    assert found.primary_key == wanted.primary_key
    assert len(found.primary_key) == 1
    assert found.identity == wanted.identity
    assert found.foreign_keys == wanted.foreign_keys
    assert sorted(found.indexes) == sorted(wanted.indexes)
    assert found.indexes or table in TABLES_OF_RETENTION


def test_the_parser_sees_what_the_document_says() -> None:
    """Against a parser that overlooks a line: counted by eye."""
    schema = documented()
    assert {name: len(table.columns) for name, table in schema.tables.items()} == {
        "audit_sessions": 13,
        "audit_pages": 7,
        "artifacts": 10,
        "crawl_logs": 7,
        "retention_holds": 5,
        "retention_deferrals": 6,
        "retention_leftovers": 4,
        "retention_breaks": 8,
        "orphan_receipts": 10,
    }
    assert len(schema.enums) == 9
    assert sum(len(table.foreign_keys) for table in schema.tables.values()) == 6
    assert schema.tables["crawl_logs"].identity == ["id"]
    assert schema.tables["audit_sessions"].columns[7] == ("attempts", "integer", False, "0")
    assert schema.tables["artifacts"].columns[7] == ("retention_until", "timestamp with time zone", True, None)


def test_every_constraint_is_named_by_convention(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " AND conrelid <> 'alembic_version'::regclass"
        ).fetchall()
    assert sorted(name for (name,) in rows) == [
        "fk_artifacts_page_id_audit_pages",
        "fk_artifacts_session_id_audit_sessions",
        "fk_audit_pages_session_id_audit_sessions",
        "fk_crawl_logs_session_id_audit_sessions",
        "fk_retention_deferrals_artifact_id_artifacts",
        "fk_retention_leftovers_page_id_audit_pages",
        "pk_artifacts",
        "pk_audit_pages",
        "pk_audit_sessions",
        "pk_crawl_logs",
        "pk_orphan_receipts",
        "pk_retention_breaks",
        "pk_retention_deferrals",
        "pk_retention_holds",
        "pk_retention_leftovers",
    ]
