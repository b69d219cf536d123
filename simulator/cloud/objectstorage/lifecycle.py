"""Lifecycle policies, and the daily sweep that carries them out in world time.

Ages count from an object's last modification, from the moment a version ceased to be the current one, and from an
upload's beginning. When a jump of the clock leaves many sweeps due at once, the days on which nothing can come due
are skipped: between them nobody else could have changed the bucket.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from simulator.cloud.http import timestamp
from simulator.cloud.objectstorage.archive import in_tier
from simulator.cloud.objectstorage.base import SERVICE, check_conditions, need_bucket, new_etag, now_text
from simulator.cloud.objectstorage.catalog import BUCKET, POLICY, UPLOAD, StoredObject, catalog
from simulator.cloud.objectstorage.errors import invalid
from simulator.cloud.objectstorage.multipart import abort
from simulator.cloud.objectstorage.objects import delete_current
from simulator.cloud.service import Region, Reply, Request, ServiceError

SWEEP = "objectstorage.lifecycle"
INTERVAL = timedelta(days=1)
YEAR = timedelta(days=365.2425)
MAXIMUM_RULES = 1000

_POLICY = "/n/{namespaceName}/b/{bucketName}/l"
_ACTIONS = {
    "objects": ("ARCHIVE", "INFREQUENT_ACCESS", "DELETE"),
    "previous-object-versions": ("ARCHIVE", "INFREQUENT_ACCESS", "DELETE"),
    "multipart-uploads": ("ABORT",),
}
_TIER = {"ARCHIVE": "Archive", "INFREQUENT_ACCESS": "InfrequentAccess"}
_ORDER = {"DELETE": 0, "ARCHIVE": 1, "INFREQUENT_ACCESS": 2}


@SERVICE.setup
def register(region: Region) -> None:
    """The sweeps."""
    region.transitions.register(SWEEP, partial(sweep, region))


@SERVICE.operation("PUT", _POLICY, "put_object_lifecycle_policy")
def put_object_lifecycle_policy(region: Region, request: Request) -> Reply:
    """Replace the bucket's whole policy. Raises 400 naming the first rule that is wrong."""
    bucket = need_bucket(region, request)
    check_conditions(request.headers, bucket["objectLifecyclePolicyEtag"], "the lifecycle policy")
    items = request.body.get("items") or []
    if len(items) > MAXIMUM_RULES:
        raise invalid("InvalidParameter", f"A policy has at most {MAXIMUM_RULES} rules, not {len(items)}")
    names: set[str] = set()
    rules = [_checked(rule, names) for rule in items]
    policy = {"timeCreated": now_text(region), "items": rules}
    bucket["objectLifecyclePolicyEtag"] = new_etag(region)
    with region.store.transaction():
        region.store.put(POLICY, bucket["name"], policy)
        region.store.put(BUCKET, bucket["name"], bucket)
        region.transitions.cancel(SWEEP, bucket=bucket["name"])
        region.transitions.schedule(SWEEP, {"bucket": bucket["name"]}, after=INTERVAL.total_seconds())
    return Reply(policy, headers={"etag": bucket["objectLifecyclePolicyEtag"]})


@SERVICE.operation("GET", _POLICY, "get_object_lifecycle_policy")
def get_object_lifecycle_policy(region: Region, request: Request) -> Reply:
    """The policy. Raises 404 when the bucket has none."""
    bucket = need_bucket(region, request)
    return Reply(_need_policy(region, bucket), headers={"etag": bucket["objectLifecyclePolicyEtag"]})


@SERVICE.operation("DELETE", _POLICY, "delete_object_lifecycle_policy")
def delete_object_lifecycle_policy(region: Region, request: Request) -> Reply:
    """Without a policy nothing more is moved or deleted."""
    bucket = need_bucket(region, request)
    _need_policy(region, bucket)
    check_conditions(request.headers, bucket["objectLifecyclePolicyEtag"], "the lifecycle policy")
    with region.store.transaction():
        region.store.delete(POLICY, bucket["name"])
        region.store.put(BUCKET, bucket["name"], bucket | {"objectLifecyclePolicyEtag": None})
        region.transitions.cancel(SWEEP, bucket=bucket["name"])
    return Reply(status=204)


def sweep(region: Region, payload: dict[str, Any], due: datetime) -> None:
    """Carry out what came due by ``due``, and schedule the next sweep while there is a policy."""
    policy = region.store.get(POLICY, payload["bucket"])
    bucket = region.store.get(BUCKET, payload["bucket"])
    if policy is None or bucket is None:
        return
    rules = [rule for rule in policy["items"] if rule["isEnabled"]]
    waiting = [
        *_sweep_objects(region, bucket, rules, due),
        *_sweep_uploads(region, bucket, rules, due),
    ]
    until = min([region.clock.now(), *waiting])
    days = max(1, math.ceil((until - due) / INTERVAL))
    region.transitions.schedule(SWEEP, payload, due=due + days * INTERVAL)


def _sweep_objects(
    region: Region, bucket: dict[str, Any], rules: list[dict[str, Any]], due: datetime
) -> Iterator[datetime]:
    """Act on every version that is old enough; when the others will be."""
    for stored, target, since in list(_aged(region, bucket)):
        for rule in sorted(rules, key=lambda rule: _ORDER.get(rule["action"], 9)):
            if rule["target"] != target or not _names(rule, stored.name) or not _concerns(rule, stored):
                continue
            moment = since + _age(rule)
            if moment > due:
                yield moment
                continue
            if rule["action"] == "DELETE" and target == "objects":
                delete_current(region, bucket, stored, timestamp(due))
            elif rule["action"] == "DELETE":
                catalog(region).remove(stored)
            else:
                catalog(region).change(in_tier(stored, _TIER[rule["action"]]))
                stored = in_tier(stored, _TIER[rule["action"]])  # noqa: PLW2901 - later rules see the new tier
            if rule["action"] == "DELETE":
                break


def _sweep_uploads(
    region: Region, bucket: dict[str, Any], rules: list[dict[str, Any]], due: datetime
) -> Iterator[datetime]:
    for upload in region.store.find(UPLOAD, bucket=bucket["name"]):
        begun = datetime.fromisoformat(upload["timeCreated"])
        moments = [
            begun + _age(rule)
            for rule in rules
            if rule["target"] == "multipart-uploads" and _names(rule, upload["object"])
        ]
        if moments and min(moments) <= due:
            abort(region, upload)
        elif moments:
            yield min(moments)


def _aged(region: Region, bucket: dict[str, Any]) -> Iterator[tuple[StoredObject, str, datetime]]:
    """Every version with the target that it is and the moment its age counts from."""
    newer: StoredObject | None = None
    for stored, latest in catalog(region).scan(bucket["name"], versions=True):
        superseded = None if latest or newer is None or newer.name != stored.name else newer.created
        newer = stored
        if latest and not stored.delete_marker:
            yield stored, "objects", datetime.fromisoformat(stored.modified)
        elif not latest:
            since = superseded or stored.modified
            yield stored, "previous-object-versions", datetime.fromisoformat(since)


def _concerns(rule: dict[str, Any], stored: StoredObject) -> bool:
    """Whether the rule would change anything; a rule never brings an object back to a warmer tier."""
    if rule["action"] == "DELETE":
        return True
    warmth = ("Archive", "InfrequentAccess", "Standard")
    return not stored.delete_marker and warmth.index(stored.tier) > warmth.index(_TIER[rule["action"]])


def _age(rule: dict[str, Any]) -> timedelta:
    unit = YEAR if rule["timeUnit"] == "YEARS" else timedelta(days=1)
    return rule["timeAmount"] * unit


def _names(rule: dict[str, Any], name: str) -> bool:
    """Whether the rule's filter takes the name: any inclusion (all without one), and no exclusion."""
    chosen = rule.get("objectNameFilter") or {}
    prefixes, patterns = chosen.get("inclusionPrefixes") or [], chosen.get("inclusionPatterns") or []
    if any(fnmatchcase(name, pattern) for pattern in chosen.get("exclusionPatterns") or []):
        return False
    if not prefixes and not patterns:
        return True
    return name.startswith(tuple(prefixes)) or any(fnmatchcase(name, pattern) for pattern in patterns)


def _checked(rule: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The rule with its defaults. Raises 400."""
    name = rule.get("name")
    if not isinstance(name, str) or not name or name in names:
        raise invalid("InvalidLifecycleRuleName", f"Rule name {name!r}: needed, and only once in a policy")
    names.add(name)
    target = rule.get("target") or "objects"
    if rule.get("action") not in _ACTIONS.get(target, ()):
        raise invalid(
            "InvalidLifecycleActionType", f"Rule {name}: no action {rule.get('action')!r} on target {target!r}"
        )
    amount = rule.get("timeAmount")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise invalid("InvalidLifecycleTimeAmount", f"Rule {name}: timeAmount must be a positive integer")
    if rule.get("timeUnit") not in ("DAYS", "YEARS"):
        raise invalid("InvalidLifecycleTimeUnit", f"Rule {name}: timeUnit must be DAYS or YEARS")
    if not isinstance(rule.get("isEnabled"), bool):
        raise invalid("InvalidParameter", f"Rule {name}: isEnabled must be true or false")
    kept = ("name", "action", "timeAmount", "timeUnit", "isEnabled", "objectNameFilter")
    return {key: rule.get(key) for key in kept} | {"target": target}


def _need_policy(region: Region, bucket: dict[str, Any]) -> dict[str, Any]:
    policy = region.store.get(POLICY, bucket["name"])
    if policy is None:
        raise ServiceError(404, "LifecyclePolicyNotFound", f"The bucket '{bucket['name']}' has no lifecycle policy")
    return policy
