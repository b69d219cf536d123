"""The inventory: what provisioning wrote into both regions' control buckets, so that either one alone is enough."""

from __future__ import annotations

from fittrack_dr.clients.objectstorage import ObjectStorageClient
from fittrack_dr.domain import MalformedError
from fittrack_dr.domain.cloud import Inventory, RegionInventory
from fittrack_dr.domain.values import Document
from fittrack_dr.errors import ConfigError, NotFoundError

NAME = "inventory.json"
SCHEMA = 1


def read_inventory(bucket: ObjectStorageClient) -> Inventory:
    """The inventory of a control bucket. Raises ConfigError when there is none, MalformedError when it is damaged."""
    where = f"{NAME} in bucket {bucket.bucket} of {bucket.region}"
    try:
        stored = bucket.get(NAME)
    except NotFoundError:
        stored = None
    if stored is None:
        raise ConfigError(f"there is no {where}, or you may not see it; provision the environment, which writes it")
    return decode_inventory(stored.data, where)


def decode_inventory(data: bytes, where: str) -> Inventory:
    """Read an inventory's bytes; ``where`` names them in errors. Raises MalformedError, naming the field."""
    document = Document.parse(data, where)
    if document.integer("schema") != SCHEMA:
        raise MalformedError(f"{where}: 'schema' is {document.integer('schema')}, and this version reads {SCHEMA}")
    regions, dns = document.document("regions"), document.document("dns")
    return Inventory(
        written_at=document.moment("written_at"),
        tenancy_id=document.text("tenancy_id"),
        compartment_id=document.text("compartment_id"),
        regions={name: _region(regions.document(name)) for name in document.mapping("regions")},
        dns_zone_id=dns.text("zone_id"),
        dns_zone=dns.text("zone"),
        dns_name=dns.text("name"),
        schema_revision=document.text("schema_revision"),
    )


def _region(document: Document) -> RegionInventory:
    database, balancer = document.document("database"), document.document("load_balancer")
    return RegionInventory(
        database_id=database.text("id"),
        connect_alias=database.text("connect_alias"),
        load_balancer=balancer.text("address"),
        load_balancer_port=balancer.integer("port"),
        heartbeat_bucket=document.text("heartbeat_bucket"),
        health_monitor_id=document.text("health_monitor_id"),
    )
