"""PL/SQL blocks as clients send them."""

from __future__ import annotations

import pytest

from simulator.database.interface import Value
from tests.simulator.database.sql.conftest import Shell


def outs(shell: Shell, text: str, *rows: list[Value]) -> list[list[Value]]:
    return [list(row) for row in shell.run(text, *rows).out_binds]


def test_assignments(shell: Shell) -> None:
    assert outs(shell, "BEGIN :a := 1 + 2; :b := UPPER('x') || :c; END;", ["y"]) == [[3, "Xy"]]
    assert outs(shell, "begin :n := :n * 2; end;", [4], [5]) == [[8], [10]]
    assert outs(shell, "BEGIN :t := TRUE; NULL; END;") == [[True]]


def test_the_transaction_id_as_sqlalchemy_asks(shell: Shell) -> None:
    ask = "begin :trans_id := dbms_transaction.local_transaction_id( TRUE ); end;"
    assert outs(shell, ask) == [[None]]
    shell.run("CREATE TABLE tx (a NUMBER)")
    shell.run("INSERT INTO tx VALUES (1)", commit=False)
    ((identifier,),) = outs(shell, ask)
    assert isinstance(identifier, str)
    assert identifier.count(".") == 2
    shell.run("DROP TABLE tx PURGE")


def test_sql_in_a_block(shell: Shell) -> None:
    shell.run("CREATE TABLE blk (id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a VARCHAR2(10))")
    text = """
        BEGIN
            INSERT INTO blk (a) VALUES (:a) RETURNING id INTO :id;
            UPDATE blk SET a = a || '!' WHERE id = :id;
            SELECT COUNT(*), MAX(a) INTO :n, :m FROM blk WHERE a LIKE '%!';
            COMMIT;
        END;"""
    assert outs(shell, text, ["x"]) == [[1, 1, "x!"]]
    assert outs(shell, "BEGIN EXECUTE IMMEDIATE 'INSERT INTO blk (a) VALUES (:1)' USING :v; ROLLBACK; END;", ["y"]) == [
        []
    ]
    assert shell.value("SELECT COUNT(*) FROM blk") == 1
    shell.run("BEGIN EXECUTE IMMEDIATE 'DROP TABLE ' || 'blk PURGE'; END;")
    assert shell.code("SELECT * FROM blk") == 942


def test_packages(shell: Shell) -> None:
    shell.run("BEGIN dbms_application_info.set_module('worker', 'beat'); dbms_session.set_identifier(:1); END;", ["me"])
    shown = shell.rows("SELECT module, action, client_identifier FROM v$session WHERE username = 'ADMIN'")
    assert shown == [["worker", "beat", "me"]]
    shell.run("CALL DBMS_OUTPUT.PUT_LINE('hello')")
    assert shell.session.output == ["hello"]
    assert outs(shell, "BEGIN :scn := DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER; END;") == [[shell.database.scn]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BEGIN RAISE_APPLICATION_ERROR(-20001, 'no'); END;", 20001),
        ("BEGIN nosuch.procedure_(1); END;", 6550),
        ("BEGIN :x := 1 END;", 6550),
        ("BEGIN SELECT 1 FROM dual; END;", 6550),
        ("BEGIN SELECT 1 INTO :x FROM dual WHERE 1 = 0; END;", 1403),
        ("BEGIN SELECT LEVEL INTO :x FROM dual CONNECT BY LEVEL < 3; END;", 1422),
        ("BEGIN :x := 1 / 0; END;", 1476),
        ("BEGIN INSERT INTO nobody VALUES (1); END;", 942),
        ("DECLARE x NUMBER; BEGIN NULL; END;", 3001),
        ("BEGIN FOR i IN 1..3 LOOP NULL; END LOOP; END;", 3001),
        ("BEGIN NULL; EXCEPTION WHEN OTHERS THEN NULL; END;", 3001),
    ],
)
def test_errors(shell: Shell, text: str, code: int) -> None:
    assert shell.code(text) == code
