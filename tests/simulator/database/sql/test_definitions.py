"""DDL: tables and their changes, the recycle bin, indexes, views, synonyms, comments."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from simulator.database.interface import ColumnType
from tests.simulator.database.engines import naive
from tests.simulator.database.sql.conftest import Shell


@pytest.fixture(autouse=True)
def shell(tmp_path: Path) -> Generator[Shell]:
    """DDL leaves traces: each test has a database of its own."""
    opened = Shell(tmp_path / "db")
    yield opened
    opened.close()


def test_every_type_is_described_as_declared(shell: Shell) -> None:
    types = {
        "VARCHAR2(10)": ("VARCHAR2", ColumnType.VARCHAR),
        "VARCHAR2(10 CHAR)": ("VARCHAR2", ColumnType.VARCHAR),
        "NVARCHAR2(5)": ("VARCHAR2", ColumnType.VARCHAR),
        "CHAR(3)": ("CHAR", ColumnType.CHAR),
        "NUMBER": ("NUMBER", ColumnType.NUMBER),
        "NUMBER(10,2)": ("NUMBER", ColumnType.NUMBER),
        "INTEGER": ("NUMBER", ColumnType.NUMBER),
        "FLOAT": ("NUMBER", ColumnType.NUMBER),
        "BINARY_DOUBLE": ("BINARY_DOUBLE", ColumnType.BINARY_DOUBLE),
        "DATE": ("DATE", ColumnType.DATE),
        "TIMESTAMP": ("TIMESTAMP(6)", ColumnType.TIMESTAMP),
        "TIMESTAMP(3)": ("TIMESTAMP(3)", ColumnType.TIMESTAMP),
        "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP(6) WITH TIME ZONE", ColumnType.TIMESTAMP_TZ),
        "TIMESTAMP(0) WITH LOCAL TIME ZONE": ("TIMESTAMP(0) WITH LOCAL TIME ZONE", ColumnType.TIMESTAMP_TZ),
        "RAW(16)": ("RAW", ColumnType.RAW),
        "CLOB": ("CLOB", ColumnType.CLOB),
        "BLOB": ("BLOB", ColumnType.BLOB),
        "JSON": ("JSON", ColumnType.JSON),
    }
    shell.run(f"CREATE TABLE t ({', '.join(f'c{i} {text}' for i, text in enumerate(types))})")
    stored = [row[0] for row in shell.rows("SELECT data_type FROM user_tab_columns ORDER BY column_id")]
    assert stored == [name for name, _ in types.values()]
    described = shell.do(shell.session.prepare("SELECT * FROM t")).columns
    assert [c.type for c in described] == [kind for _, kind in types.values()]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CREATE TABLE t (a NUMBER, a NUMBER)", 957),
        ("CREATE TABLE t (a NONSENSE)", 902),
        ("CREATE TABLE t (a VARCHAR2)", 906),
        ("CREATE TABLE t (a NUMBER(40))", 1727),
        ("CREATE TABLE t (a NUMBER", 907),
        ("CREATE TABLE t (a INTERVAL DAY TO SECOND)", 3001),
        ("CREATE TABLE t (a NUMBER, PRIMARY KEY (b))", 904),
        ("CREATE TABLE t (a NUMBER PRIMARY KEY, b NUMBER PRIMARY KEY)", 2260),
        ("CREATE TABLE t (a NUMBER REFERENCES nobody)", 942),
        ("CREATE TABLE t (a NUMBER) PARTITION BY HASH (a)", 3001),
        ("CREATE GLOBAL TEMPORARY TABLE t (a NUMBER)", 3001),
        ("CREATE TABLE t (a NUMBER GENERATED ALWAYS AS (1) VIRTUAL)", 3001),
        ("CREATE TABLE t (a NUMBER DEFAULT nosuch(1))", 904),
        ("CREATE TABLE nobody.t (a NUMBER)", 1918),
        ("CREATE PROCEDURE p AS BEGIN NULL; END;", 3001),
        ("ALTER TABLE nobody ADD (a NUMBER)", 942),
        ("DROP TABLE nobody", 942),
        ("DROP INDEX nobody", 1418),
        ("DROP SEQUENCE nobody", 2289),
        ("FLASHBACK TABLE nobody TO BEFORE DROP", 38305),
        ("PURGE TABLE nobody", 38305),
        ("TRUNCATE TABLE nobody", 942),
        ("ANALYZE TABLE t COMPUTE STATISTICS", 3001),
    ],
)
def test_refusals(shell: Shell, text: str, code: int) -> None:
    before = shell.database.scn
    assert shell.code(text) == code
    assert shell.database.scn == before


def test_drop_and_flashback(shell: Shell) -> None:
    """The runbook's scenario 4."""
    shell.run("CREATE TABLE activities (id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what VARCHAR2(10) UNIQUE)")
    shell.run("CREATE INDEX activities_ix ON activities (UPPER(what))")
    shell.run("INSERT INTO activities (what) VALUES (:1)", ["run"], ["swim"])
    shell.run("DROP TABLE activities")
    assert shell.code("SELECT * FROM activities") == 942
    assert shell.rows("SELECT original_name, can_undrop FROM user_recyclebin") == [["ACTIVITIES", "YES"]]
    shell.run("CREATE TABLE activities (a NUMBER)")  # the name is free meanwhile
    assert shell.code("FLASHBACK TABLE activities TO BEFORE DROP") == 38312
    shell.run("FLASHBACK TABLE admin.activities TO BEFORE DROP RENAME TO recovered")
    assert shell.rows("SELECT id, what FROM recovered ORDER BY id") == [[1, "run"], [2, "swim"]]
    shell.run("INSERT INTO recovered (what) VALUES ('row')")
    assert shell.value("SELECT MAX(id) FROM recovered") == 3
    assert shell.code("INSERT INTO recovered (what) VALUES ('row')") == 1
    indexes = shell.rows("SELECT index_name FROM user_indexes WHERE table_name = 'RECOVERED' ORDER BY 1")
    assert ["ACTIVITIES_IX"] in indexes
    assert shell.rows("SELECT * FROM recyclebin") == []


def test_the_latest_dropped_comes_back_first(shell: Shell) -> None:
    for number in (1, 2):
        shell.run("CREATE TABLE t AS SELECT :1 AS a FROM dual".replace(":1", str(number)))
        shell.clock.advance(1)
        shell.run("DROP TABLE t")
    shell.run("FLASHBACK TABLE t TO BEFORE DROP")
    assert shell.rows("SELECT a FROM t") == [[2]]
    shell.run("PURGE RECYCLEBIN")
    assert shell.rows("SELECT COUNT(*) FROM user_recyclebin") == [[0]]
    shell.run("DROP TABLE t PURGE")
    assert shell.code("FLASHBACK TABLE t TO BEFORE DROP") == 38305


def test_a_parent_is_dropped_only_with_its_constraints(shell: Shell) -> None:
    shell.run("CREATE TABLE parent (id NUMBER PRIMARY KEY)")
    shell.run("CREATE TABLE child (id NUMBER PRIMARY KEY, p NUMBER CONSTRAINT fk REFERENCES parent ON DELETE CASCADE)")
    shell.run("INSERT INTO parent VALUES (1)")
    shell.run("INSERT INTO child VALUES (1, 1)")
    assert shell.code("DROP TABLE parent") == 2449
    assert shell.code("TRUNCATE TABLE parent") == 2266
    shell.run("DROP TABLE parent CASCADE CONSTRAINTS")
    assert shell.rows("SELECT constraint_name FROM user_constraints WHERE constraint_type = 'R'") == []
    shell.run("INSERT INTO child VALUES (2, 99)")
    assert shell.value("SELECT COUNT(*) FROM child") == 2


def test_alter_table(shell: Shell) -> None:
    shell.run("CREATE TABLE t (id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a VARCHAR2(5), b NUMBER)")
    shell.run("INSERT INTO t (a, b) VALUES (:1, :2)", ["one", 1], ["two", 2])
    shell.run("CREATE INDEX t_b ON t (b)")
    shell.run("ALTER TABLE t ADD (c TIMESTAMP DEFAULT SYSTIMESTAMP NOT NULL, d VARCHAR2(5) DEFAULT 'x')")
    assert shell.rows("SELECT c, d FROM t WHERE id = 1") == [[shell.clock.now().replace(tzinfo=None), "x"]]
    shell.run("ALTER TABLE t ADD e NUMBER CONSTRAINT e_ck CHECK (e > 0)")
    shell.run("ALTER TABLE t MODIFY (a VARCHAR2(50) NOT NULL, d DEFAULT 'y')")
    shell.run("ALTER TABLE t RENAME COLUMN a TO title")
    shell.run("ALTER TABLE t DROP COLUMN b")
    shell.run("ALTER TABLE t ADD CONSTRAINT t_title_uq UNIQUE (title)")
    shell.run("ALTER TABLE t RENAME CONSTRAINT t_title_uq TO t_uq")
    shell.run("INSERT INTO t (title) VALUES ('three')")
    assert shell.rows("SELECT id, title, d FROM t ORDER BY id") == [[1, "one", "x"], [2, "two", "x"], [3, "three", "y"]]
    assert "T_UQ" in str(shell.error("INSERT INTO t (title) VALUES ('one')"))
    assert shell.rows("SELECT index_name FROM user_ind_columns WHERE column_name = 'B'") == []
    shell.run("ALTER TABLE t DROP CONSTRAINT t_uq")
    shell.run("INSERT INTO t (title) VALUES ('one')")
    shell.run("ALTER TABLE t RENAME TO u")
    assert shell.value("SELECT COUNT(*) FROM u") == 4
    shell.run("RENAME u TO w")
    shell.run("TRUNCATE TABLE w")
    assert shell.value("SELECT COUNT(*) FROM w") == 0


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        ("ADD (a NUMBER)", 1430),
        ("ADD (z NUMBER NOT NULL)", 1758),
        ("ADD CONSTRAINT x CHECK (a > 5)", 2293),
        ("ADD CONSTRAINT x UNIQUE (b)", 2299),
        ("ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES p (id)", 2298),
        ("ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES p (other)", 2270),
        ("ADD PRIMARY KEY (b)", 2260),
        ("MODIFY (c NOT NULL)", 2296),
        ("MODIFY (name VARCHAR2(2))", 1441),
        ("MODIFY (name NUMBER)", 1439),
        ("MODIFY (a NUMBER(1))", 1440),
        ("MODIFY (nope NUMBER)", 904),
        ("DROP COLUMN nope", 904),
        ("DROP CONSTRAINT nope", 2443),
        ("RENAME COLUMN a TO b", 957),
        ("SHRINK SPACE", 3001),
    ],
)
def test_alterations_that_the_rows_forbid(shell: Shell, clause: str, code: int) -> None:
    shell.run("CREATE TABLE p (id NUMBER PRIMARY KEY, other NUMBER)")
    shell.run("CREATE TABLE t (id NUMBER PRIMARY KEY, a NUMBER, b NUMBER, c NUMBER, name VARCHAR2(10))")
    shell.run("INSERT INTO t VALUES (1, 1, 1, NULL, 'long')")
    shell.run("INSERT INTO t VALUES (2, 22, 1, NULL, 'long')")
    assert shell.code(f"ALTER TABLE t {clause}") == code
    assert shell.value("SELECT COUNT(*) FROM t") == 2


def test_views(shell: Shell) -> None:
    shell.run("CREATE TABLE t (id NUMBER, born DATE, status VARCHAR2(10))")
    shell.run("INSERT INTO t VALUES (1, DATE '2000-01-01', 'active')")
    shell.run("CREATE VIEW v AS SELECT id, born, UPPER(status) AS shout FROM t WHERE status = 'active'")
    assert shell.rows("SELECT * FROM v") == [[1, naive(2000, 1, 1), "ACTIVE"]]
    assert [c.type for c in shell.do(shell.session.prepare("SELECT * FROM v")).columns][1] is ColumnType.DATE
    assert shell.code("CREATE VIEW v AS SELECT 1 AS a FROM dual") == 955
    shell.run("CREATE OR REPLACE FORCE EDITIONABLE VIEW v (n) AS SELECT COUNT(*) FROM t")
    assert shell.rows("SELECT n FROM v") == [[1]]
    assert shell.code("INSERT INTO v VALUES (1)") == 1732
    assert shell.code("CREATE VIEW w AS SELECT * FROM nobody") == 942
    assert shell.rows("SELECT view_name FROM user_views") == [["V"]]
    shell.run("DROP VIEW v")
    assert shell.code("SELECT * FROM v") == 942


def test_indexes_synonyms_comments(shell: Shell) -> None:
    shell.run("CREATE TABLE t (a NUMBER, b VARCHAR2(10))")
    shell.run("CREATE UNIQUE INDEX t_ux ON t (UPPER(b), a DESC)")
    shell.run("INSERT INTO t VALUES (1, 'x')")
    assert "(ADMIN.T_UX) violated" in str(shell.error("INSERT INTO t VALUES (1, 'X')"))
    assert shell.code("CREATE INDEX t_ux ON t (a)") == 955
    assert shell.code("CREATE INDEX other ON t (nope)") == 904
    shell.run("CREATE INDEX t (a)".replace("t (a)", "t ON t (a)"))  # indexes and tables have name spaces of their own
    shell.run("CREATE SYNONYM s FOR t")
    assert shell.value("SELECT COUNT(*) FROM s") == 1
    shell.run("INSERT INTO s VALUES (2, 'y')")
    shell.run("COMMENT ON TABLE t IS 'It''s a table'")
    shell.run("COMMENT ON COLUMN t.a IS 'a number'")
    assert shell.rows("SELECT comments FROM user_tab_comments WHERE table_name = 'T'") == [["It's a table"]]
    assert shell.rows("SELECT comments FROM user_col_comments WHERE column_name = 'A'") == [["a number"]]
    shell.run("DROP SYNONYM s")
    shell.run("DROP INDEX t_ux")
    shell.run("INSERT INTO t VALUES (1, 'X')")


def test_reserved_words_quotes_and_case(shell: Shell) -> None:
    shell.run('CREATE TABLE "Order" ("group" NUMBER, "Value" VARCHAR2(5), type VARCHAR2(5), "date" DATE)')
    shell.run('INSERT INTO "Order" ("group", "Value", type) VALUES (1, \'a\', \'b\')')
    assert shell.rows('SELECT o."group", "Value", TYPE FROM "Order" o') == [[1, "a", "b"]]
    assert shell.rows("SELECT table_name FROM user_tables") == [["Order"]]


def test_dictionary_of_a_table(shell: Shell) -> None:
    shell.run("CREATE TABLE p (a NUMBER, b NUMBER, CONSTRAINT p_pk PRIMARY KEY (a, b))")
    shell.run(
        "CREATE TABLE t (id NUMBER(10) CONSTRAINT t_pk PRIMARY KEY, pa NUMBER, pb NUMBER,"
        " n NUMBER DEFAULT 5 CONSTRAINT t_ck CHECK (n > 0),"
        " CONSTRAINT t_fk FOREIGN KEY (pa, pb) REFERENCES p (a, b) ON DELETE SET NULL)"
    )
    constraints = shell.rows(
        "SELECT constraint_name, constraint_type, r_constraint_name, delete_rule, index_name FROM user_constraints"
        " WHERE table_name = 'T' ORDER BY 1"
    )
    assert constraints == [
        ["T_CK", "C", None, None, None],
        ["T_FK", "R", "P_PK", "SET NULL", None],
        ["T_PK", "P", None, None, "T_PK"],
    ]
    columns = shell.rows(
        "SELECT column_name, position FROM user_cons_columns WHERE constraint_name = 'T_FK' ORDER BY 2"
    )
    assert columns == [["PA", 1], ["PB", 2]]
    described = shell.rows(
        "SELECT column_name, data_type, data_precision, data_scale, nullable, data_default FROM all_tab_cols"
        " WHERE owner = USER AND table_name = 'T' AND column_name IN ('ID', 'N') ORDER BY column_id"
    )
    assert described == [["ID", "NUMBER", 10, 0, "N", None], ["N", "NUMBER", None, None, "Y", "5"]]
    assert shell.rows("SELECT object_type FROM user_objects WHERE object_name = 'T'") == [["TABLE"]]
