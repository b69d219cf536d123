"""The inventory as provisioning writes it, and damaged in each of its fields."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fittrack_dr.clients.inventory import decode_inventory
from fittrack_dr.domain import MalformedError
from fittrack_dr.domain.cloud import RegionInventory


def region(key: str) -> dict[str, Any]:
    return {
        "database": {"id": f"ocid1.autonomousdatabase.oc1.{key}.aaaa", "connect_alias": f"fittrack_{key}_tp"},
        "load_balancer": {"address": "127.1.2.34", "port": 8443},
        "heartbeat_bucket": "fittrack-heartbeats",
        "health_monitor_id": f"ocid1.httpmonitor.oc1..{key}",
    }


DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "written_at": "2026-03-01T08:00:00+00:00",
    "tenancy_id": "ocid1.tenancy.oc1..aaaa",
    "compartment_id": "ocid1.compartment.oc1..aaaa",
    "regions": {"us-ashburn-1": region("iad"), "us-phoenix-1": region("phx")},
    "dns": {"zone_id": "ocid1.dns-zone.oc1..aaaa", "zone": "fittrack.example", "name": "app.fittrack.example"},
    "schema_revision": "0001",
}


def test_the_whole() -> None:
    inventory = decode_inventory(json.dumps(DOCUMENT).encode(), "inventory.json")
    assert inventory.written_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert (inventory.dns_zone_id, inventory.dns_name) == ("ocid1.dns-zone.oc1..aaaa", "app.fittrack.example")
    assert inventory.regions["us-phoenix-1"] == RegionInventory(
        database_id="ocid1.autonomousdatabase.oc1.phx.aaaa",
        connect_alias="fittrack_phx_tp",
        load_balancer="127.1.2.34",
        load_balancer_port=8443,
        heartbeat_bucket="fittrack-heartbeats",
        health_monitor_id="ocid1.httpmonitor.oc1..phx",
    )
    with pytest.raises(TypeError):
        inventory.regions["eu"] = inventory.regions["us-phoenix-1"]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("schema",), 2, "'schema' is 2, and this version reads 1"),
        (("written_at",), "yesterday", "'written_at' is not an ISO-8601 moment"),
        (("written_at",), "2026-03-01T08:00:00", "'written_at' is not a moment with its offset from UTC"),
        (("regions",), [], "'regions' is not an object"),
        (("regions", "us-phoenix-1"), None, "'us-phoenix-1' is not an object"),
        (("regions", "us-phoenix-1", "database"), {}, "'id' is missing"),
        (("regions", "us-phoenix-1", "load_balancer", "port"), "8443", "'port' is not an integer"),
        (("dns", "zone_id"), None, "'zone_id' is not a text"),
    ],
)
def test_a_damaged_field_is_named(path: tuple[str, ...], value: object, reason: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(MalformedError) as caught:
        decode_inventory(json.dumps(document).encode(), "inventory.json")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("inventory.json")


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{"])
def test_what_is_no_inventory_at_all(data: bytes) -> None:
    with pytest.raises(MalformedError, match="is not"):
        decode_inventory(data, "inventory.json")
