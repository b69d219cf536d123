"""The API beside an open primary, over Oracle Net: what it acknowledges is in the database, once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from application.migrate import head
from application.schema import HEAD_REVISION
from tests.application.oracle import Oracle
from tests.application.processes import Api

pytestmark = pytest.mark.wire


def key() -> str:
    """A client's own key."""
    return str(uuid.uuid4())


def points_of(oracle: Oracle, user: int) -> int:
    """What the ledger says the user has."""
    return int(oracle.sql(f"SELECT NVL(SUM(points), 0) FROM point_transactions WHERE user_id = {user}")[0][0])


def test_the_code_expects_the_newest_migration(oracle: Oracle) -> None:
    assert head() == HEAD_REVISION
    assert oracle.run("migrate", "current").stdout == f"{HEAD_REVISION}\n"


def test_ready_names_what_it_saw(api: Api) -> None:
    answer = api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "region": "us-ashburn-1",
        "reasons": [],
        "database": {"role": "PRIMARY", "open_mode": "READ WRITE", "revision": HEAD_REVISION},
    }


def test_an_acknowledged_activity_is_in_the_database(oracle: Oracle, api: Api) -> None:
    mine, before = key(), api.get("/users/3").json()["points"]
    answer = api.post("/activities", key=mine, user_id=3, kind="run", minutes=20, detail={"source": "watch"})
    assert (answer.status_code, answer.json()) == (
        201,
        {"key": mine, "user_id": 3, "points": 60, "repeated": False},
    )
    row = oracle.sql(f"SELECT user_id, kind, minutes, detail FROM activities WHERE id = '{mine}'")
    assert row == [["3", "run", "20", '{"source": "watch"}']]
    booked = oracle.sql(f"SELECT type, points FROM point_transactions WHERE activity_id = '{mine}'")
    assert booked == [["earn", "60"]]
    assert api.get("/users/3").json()["points"] == before + 60 == points_of(oracle, 3)
    assert api.get(f"/activities/{mine}").json() == {"key": mine, "user_id": 3, "points": 60}


def test_a_repeated_request_is_acknowledged_and_counted_once(oracle: Oracle, api: Api) -> None:
    mine, before = key(), points_of(oracle, 4)
    first = api.post("/activities", key=mine, user_id=4, kind="walk", minutes=30)
    again = api.post("/activities", key=mine, user_id=4, kind="walk", minutes=45)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"repeated": True}
    assert points_of(oracle, 4) == before + 30
    other = api.post("/activities", key=mine, user_id=5, kind="walk", minutes=30)
    assert other.status_code == 409


def test_requests_with_one_key_at_the_same_moment_count_once(oracle: Oracle, api: Api) -> None:
    mine, before = key(), points_of(oracle, 6)

    def send(_: int) -> int:
        return api.post("/activities", key=mine, user_id=6, kind="swim", minutes=10).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(send, range(6)))
    assert statuses == [200] * 5 + [201]
    assert points_of(oracle, 6) == before + 40


def test_writes_of_many_users_all_arrive(oracle: Oracle, api: Api) -> None:
    keys = [key() for _ in range(60)]

    def send(number: int) -> int:
        return api.post("/activities", key=keys[number], user_id=10 + number % 20, kind="walk", minutes=5).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(send, range(60))) == {201}
    listed = ", ".join(f"'{one}'" for one in keys)
    assert oracle.count("activities", f"id IN ({listed})") == 60


@pytest.mark.parametrize(
    ("user", "status", "words"),
    [(999_999, 404, "no user 999999"), (130, 409, "user 130 is suspended")],
)
def test_nobody_earns_who_may_not(oracle: Oracle, api: Api, user: int, status: int, words: str) -> None:
    oracle.sql("UPDATE users SET status = 'suspended' WHERE id = 130")
    mine = key()
    answer = api.post("/activities", key=mine, user_id=user, kind="walk", minutes=5)
    assert (answer.status_code, answer.json()) == (status, {"error": words})
    assert api.get(f"/activities/{mine}").status_code == 404


def test_a_ticket_costs_points_and_is_sold_once(oracle: Oracle, api: Api) -> None:
    drawing = api.get("/drawings?status=open").json()["drawings"][0]
    rich = int(oracle.sql("SELECT id FROM users WHERE status = 'active' ORDER BY points_balance DESC")[0][0])
    before, mine = points_of(oracle, rich), key()
    bought = api.post("/tickets", key=mine, user_id=rich, drawing_id=drawing["id"])
    assert (bought.status_code, bought.json()["points"]) == (201, -drawing["ticket_price"])
    again = api.post("/tickets", key=mine, user_id=rich, drawing_id=drawing["id"])
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    assert points_of(oracle, rich) == before - drawing["ticket_price"]
    assert api.get(f"/drawings/{drawing['id']}").json()["tickets_sold"] == drawing["tickets_sold"] + 1


def test_nobody_spends_points_that_they_do_not_have(oracle: Oracle, api: Api) -> None:
    """Six purchases at once and points for one: exactly one succeeds."""
    drawing = api.get("/drawings?status=open").json()["drawings"][0]
    price = drawing["ticket_price"]
    oracle.sql(f"UPDATE users SET points_balance = {price + 1} WHERE id = 20")

    def buy(_: int) -> int:
        return api.post("/tickets", key=key(), user_id=20, drawing_id=drawing["id"]).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(buy, range(6))) == [201, 409, 409, 409, 409, 409]
    assert api.get("/users/20").json()["points"] == 1


def test_a_repeated_purchase_is_acknowledged_though_its_points_are_spent(oracle: Oracle, api: Api) -> None:
    drawing = api.get("/drawings?status=open").json()["drawings"][0]
    oracle.sql(f"UPDATE users SET points_balance = {drawing['ticket_price']} WHERE id = 21")
    mine = key()
    statuses = [api.post("/tickets", key=mine, user_id=21, drawing_id=drawing["id"]).status_code for _ in range(2)]
    assert statuses == [201, 200]
    other = api.post("/tickets", key=mine, user_id=22, drawing_id=drawing["id"])
    assert (other.status_code, other.json()["error"]) == (409, f"key {mine} was already used for another user")


def test_no_ticket_for_a_drawing_that_is_over_or_unknown(api: Api) -> None:
    over = api.get("/drawings?status=completed").json()["drawings"][0]["id"]
    answer = api.post("/tickets", key=key(), user_id=3, drawing_id=over)
    assert (answer.status_code, answer.json()["error"]) == (409, f"drawing {over} is completed")
    assert api.post("/tickets", key=key(), user_id=3, drawing_id=777).status_code == 404


def test_the_leaderboard_is_what_the_ledger_says(oracle: Oracle, api: Api) -> None:
    served = api.get("/leaderboard").json()
    expected = oracle.sql(
        "SELECT u.id, SUM(p.points) FROM users u JOIN point_transactions p ON p.user_id = u.id "
        "WHERE u.status = 'active' AND p.type = 'earn' GROUP BY u.id ORDER BY SUM(p.points) DESC, u.id "
        "FETCH FIRST 10 ROWS ONLY"
    )
    assert [[str(row["user_id"]), str(row["points"])] for row in served["leaders"]] == expected
    assert [row["rank"] for row in served["leaders"]] == list(range(1, 11))
    assert served["source"] in {"database", "stale"}


def test_what_is_not_there_is_404(api: Api) -> None:
    for path in ("/users/999999", "/drawings/999999", f"/activities/{key()}", "/nowhere"):
        assert api.get(path).status_code == 404


def test_it_stays_small(api: Api) -> None:
    assert api.megabytes() < 80
