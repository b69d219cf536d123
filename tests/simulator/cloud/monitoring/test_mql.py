"""The query language: what it means, and that what is not supported is refused by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulator.cloud.monitoring.mql import DimensionFilter, Query, QueryError, parse


def test_the_lag_query_of_the_operator() -> None:
    query = parse('PeerLag[1m]{resourceId = "ocid1.autonomousdatabase.oc1.phx.a"}.max()')
    assert query == Query(
        "PeerLag", timedelta(minutes=1), "max", (DimensionFilter("resourceId", "ocid1.autonomousdatabase.oc1.phx.a"),)
    )
    assert query.accepts({"resourceId": "ocid1.autonomousdatabase.oc1.phx.a", "region": "us-phoenix-1"})
    assert not query.accepts({"resourceId": "another"})
    assert not query.accepts({})


def test_filters_groups_and_escapes() -> None:
    query = parse(
        r' PeerLag [5m] { displayName =~ "fit*", note="a\"b\\c" } . groupBy( region , displayName ) . mean( ) '
    )
    assert query.filters == (DimensionFilter("displayName", "fit*", fuzzy=True), DimensionFilter("note", 'a"b\\c'))
    assert query.group_by == ("region", "displayName")
    assert query.accepts({"displayName": "fittrack", "note": 'a"b\\c'})
    assert parse("PeerLag[1h].grouping().sum()").group_by == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "expected a metric name at column 1"),
        ("PeerLag.max()", "expected '[' at column 8"),
        ("PeerLag[90m].max()", "interval '90m'"),
        ("PeerLag[0m].max()", "interval '0m'"),
        ("PeerLag[1m]", "expected '.' at column 12"),
        ("PeerLag[1m].p95()", "statistic p95() at column 13 is not supported"),
        ("PeerLag[1m].percentile(0.9)", "expected ')' at column 24, found '0.9'"),
        ("PeerLag[1m].max() > 3", "'>' at column 19: nothing after the statistic is supported"),
        ("PeerLag[1m].max().min()", "'.' at column 18"),
        ('PeerLag[1m]{a != "b"}.max()', "operator '!=' at column 15 is not supported"),
        ('PeerLag[1m]{a = "b" && c = "d"}.max()', "expected '}' at column 21, found '&&'"),
        ("PeerLag[1m]{a = b}.max()", "expected a value in double quotes at column 17"),
        ('PeerLag[1m]{a = "b}.max()', "unexpected '\"'"),
        ("PeerLag[1m].max() § 1", "unexpected '§' at column 19"),
    ],
)
def test_what_is_refused_says_where(text: str, part: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert part in str(caught.value)
