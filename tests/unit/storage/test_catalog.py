"""Events land exactly once, the catalog can always be made again, and writers never lose updates."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from storage.catalog.connection import choose_journal_mode, open_catalog, write_transaction
from storage.catalog.ingest import index_run, ingest_events
from storage.catalog.rebuild import DERIVED_TABLES, rebuild_catalog
from storage.catalog.requests import add_request, answer_request, pending_requests, read_answer
from storage.errors import CatalogError
from storage.home import LabHome
from storage.rundir import RunDir, RunId, RunInput
from tests.unit.storage.rundirs import make_run, metric, result, write_events


def take(connection: sqlite3.Connection, directory: RunDir) -> int:
    with write_transaction(connection):
        index_run(connection, directory)
        return ingest_events(connection, directory)


def dump(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    return {
        table: sorted(tuple(row) for row in connection.execute(f"SELECT * FROM {table}"))
        for table in DERIVED_TABLES
    }


def test_each_event_lands_once(home: LabHome) -> None:
    connection = open_catalog(home)
    directory = make_run(home, "rn000001", state="running")
    write_events(directory.events, [metric(1, 3.0), {"t": 1.0, "type": "note", "text": "hm"}])
    assert take(connection, directory) == 2
    assert take(connection, directory) == 0
    with directory.events.open("ab") as file:
        file.write(b'{"t": 5, "type": "note", "te')
    assert take(connection, directory) == 0
    with directory.events.open("ab") as file:
        file.write(b'xt": "late"}\n')
    write_events(directory.events, [metric(2, 2.0), metric(2, 1.5), result("x", 0.5)])
    assert take(connection, directory) == 4
    values = connection.execute("SELECT step, value FROM metrics ORDER BY step").fetchall()
    assert [tuple(row) for row in values] == [(1, 3.0), (2, 1.5)]
    notes = connection.execute("SELECT text FROM run_notes ORDER BY position").fetchall()
    assert [row["text"] for row in notes] == ["hm", "late"]


def test_a_crash_between_reading_and_committing_repeats_nothing(home: LabHome) -> None:
    connection = open_catalog(home)
    directory = make_run(home, "rn000001", state="running")
    take(connection, directory)
    write_events(directory.events, [{"t": 1.0, "type": "note", "text": "once"}])
    with pytest.raises(RuntimeError), write_transaction(connection):
        ingest_events(connection, directory)
        raise RuntimeError("killed")
    take(connection, directory)
    assert connection.execute("SELECT count(*) FROM run_notes").fetchone()[0] == 1


def test_bad_event_lines_are_counted_not_fatal(home: LabHome) -> None:
    connection = open_catalog(home)
    directory = make_run(home, "rn000001", state="running")
    directory.events.write_bytes(b"\x00\x00\n[1, 2]\nnot json\n")
    write_events(directory.events, [metric(1, 1.0)])
    take(connection, directory)
    row = connection.execute("SELECT events_bad, events_offset FROM runs").fetchone()
    assert row["events_bad"] == 3
    assert row["events_offset"] == directory.events.stat().st_size


def fill(home: LabHome) -> sqlite3.Connection:
    connection = open_catalog(home)
    imported = make_run(
        home, "0mprt000", kind="import", params={"rows": 2},
        info={"sets": [{"name": "train", "rows": 2, "responses": 2}], "origin": "here",
              "licence": "none", "generator": "human:x"},
    )  # fmt: skip
    write_events(imported.events, [{"t": 1.0, "type": "note", "text": "n"}])
    mixed = make_run(
        home, "m1x00000", inputs=(RunInput("responses:0", RunId("0mprt000")),),
        params={"assign": "random", "seed": 0},
        info={"rows": 2, "parts": [{"generator": "human:x", "rows": 2, "share": 1.0}]},
    )  # fmt: skip
    write_events(mixed.events, [metric(i, 1 / (i + 1)) for i in range(50)])
    failed = make_run(home, "fa11ed00", state="failed", kind="collapse")
    write_events(failed.events, [result("ppl", 3.5), result("undefined", None)])
    make_run(home, "qd000000", state="queued")
    for directory in (imported, mixed, failed, RunDir(home.run("qd000000"))):
        take(connection, directory)
    return connection


def test_rebuilding_gives_identical_rows(home: LabHome) -> None:
    connection = fill(home)
    before = dump(connection)
    assert all(before[t] for t in ("runs", "metrics", "results", "sources", "mixture_parts"))
    rebuilt = rebuild_catalog(home, now=1.0)
    assert (rebuilt.runs, rebuilt.problems) == (4, [])
    assert dump(connection) == before


def test_a_destroyed_catalog_is_moved_aside_and_made_again(home: LabHome) -> None:
    connection = fill(home)
    before = dump(connection)
    connection.close()
    home.catalog.write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogError, match="catalog rebuild"):
        open_catalog(home)
    rebuild_catalog(home, now=7.0)
    assert dump(open_catalog(home)) == before
    assert (home.root / "damaged-7-catalog.db").exists()


def test_an_unreadable_run_is_named_and_the_others_are_kept(home: LabHome) -> None:
    connection = fill(home)
    (home.run("m1x00000") / "spec.json").write_text("{")
    rebuilt = rebuild_catalog(home, now=1.0)
    assert rebuilt.runs == 3
    assert len(rebuilt.problems) == 1
    assert "m1x00000" in rebuilt.problems[0]
    assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == 3


def test_a_newer_schema_is_refused_with_words(home: LabHome) -> None:
    open_catalog(home).execute("PRAGMA user_version=999")
    with pytest.raises(CatalogError, match="newer synthlab"):
        open_catalog(home)


def test_requests_are_answered_in_order(home: LabHome) -> None:
    connection = open_catalog(home)
    first = add_request(connection, "stop", {"runs": ["a"]}, asked_by="ada", now=1.0)
    second = add_request(connection, "leave", {}, asked_by="ada", now=2.0)
    assert [r.id for r in pending_requests(connection)] == [first, second]
    assert read_answer(connection, first) is None
    with write_transaction(connection):
        answer_request(connection, first, {"stopped": ["a"]}, now=3.0)
    assert read_answer(connection, first) == {"stopped": ["a"]}
    assert [r.kind for r in pending_requests(connection)] == ["leave"]


WRITER = """
import sys
from pathlib import Path
from storage.home import LabHome
from storage.catalog.connection import open_catalog, write_transaction
c = open_catalog(LabHome(Path(sys.argv[1])))
for i in range(15):
    with write_transaction(c):
        n = c.execute("SELECT outcome FROM requests WHERE id = 1").fetchone()[0]
        c.execute("UPDATE requests SET outcome = ? WHERE id = 1", (str(int(n) + 1),))
"""


def test_concurrent_writers_lose_no_update(home: LabHome) -> None:
    connection = open_catalog(home)
    add_request(connection, "count", {}, asked_by="x", now=0.0)
    with write_transaction(connection):
        connection.execute("UPDATE requests SET outcome = '0' WHERE id = 1")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(home.root)]) for _ in range(6)]
    assert [w.wait() for w in writers] == [0] * 6
    assert connection.execute("SELECT outcome FROM requests WHERE id = 1").fetchone()[0] == "90"


@pytest.mark.parametrize(
    ("version", "file_system", "mode"),
    [((3, 51, 2), "ext4", "truncate"), ((3, 51, 3), "ext4", "wal"), ((3, 52, 0), "nfs4", "truncate"),
     ((3, 52, 0), "fuse.sshfs", "truncate")],
)  # fmt: skip
def test_wal_only_where_it_is_safe(
    version: tuple[int, int, int], file_system: str, mode: str
) -> None:
    assert choose_journal_mode(version, file_system) == mode
