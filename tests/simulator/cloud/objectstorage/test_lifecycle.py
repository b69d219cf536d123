"""Lifecycle policies and the Archive tier: years pass by jumps, and what was promised has happened."""

from __future__ import annotations

from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import (
    CreateMultipartUploadDetails,
    ObjectLifecycleRule,
    ObjectNameFilter,
    PutObjectLifecyclePolicyDetails,
    RestoreObjectsDetails,
    UpdateObjectStorageTierDetails,
)

from simulator.kernel import clock
from tests.simulator.cloud.objectstorage.conftest import NAMESPACE, MakeBucket
from tests.worlds import RunningWorld, data, wait_until

pytestmark = pytest.mark.wire
DAY = 86400.0


def rule(name: str, action: str, amount: int, unit: str = "DAYS", **more: Any) -> ObjectLifecycleRule:
    return ObjectLifecycleRule(name=name, action=action, time_amount=amount, time_unit=unit, is_enabled=True, **more)


def put_policy(storage: ObjectStorageClient, bucket: str, *rules: ObjectLifecycleRule, **options: Any) -> Any:
    details = PutObjectLifecyclePolicyDetails(items=list(rules))
    return storage.put_object_lifecycle_policy(NAMESPACE, bucket, details, **options)


def states(storage: ObjectStorageClient, bucket: str) -> dict[str, tuple[str, str | None]]:
    listed = data(storage.list_objects(NAMESPACE, bucket, fields="name,storageTier,archivalState"))
    return {row.name: (row.storage_tier, row.archival_state) for row in listed.objects}


def test_objects_are_archived_then_deleted_at_their_age(
    world: RunningWorld, storage: ObjectStorageClient, bucket: str
) -> None:
    exports = ObjectNameFilter(inclusion_prefixes=["exports/"], exclusion_patterns=["*.keep"])
    put_policy(
        storage,
        bucket,
        rule("archive", "ARCHIVE", 90, object_name_filter=exports),
        rule("delete", "DELETE", 7, "YEARS", object_name_filter=exports),
    )
    for name in ("exports/a.dmp", "exports/b.keep", "other"):
        storage.put_object(NAMESPACE, bucket, name, b"1")
    clock.jump(world.world.clock_file, 89 * DAY)
    storage.put_object(NAMESPACE, bucket, "exports/late.dmp", b"2")
    clock.jump(world.world.clock_file, 2 * DAY)
    kept = dict.fromkeys(("exports/b.keep", "exports/late.dmp", "other"), ("Standard", None))
    wait_until(lambda: states(storage, bucket) == kept | {"exports/a.dmp": ("Archive", "Archived")})
    with pytest.raises(ServiceError) as caught:
        storage.get_object(NAMESPACE, bucket, "exports/a.dmp")
    assert (caught.value.status, caught.value.code) == (409, "NotRestored")
    clock.jump(world.world.clock_file, 7 * 366 * DAY)
    wait_until(lambda: set(states(storage, bucket)) == {"exports/b.keep", "other"})


def test_previous_versions_age_from_the_moment_they_were_superseded(
    world: RunningWorld, storage: ObjectStorageClient, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(versioning="Enabled")
    put_policy(storage, bucket, rule("old", "DELETE", 30, target="previous-object-versions"))
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    clock.jump(world.world.clock_file, 40 * DAY)
    storage.put_object(NAMESPACE, bucket, "a", b"2")
    clock.jump(world.world.clock_file, 29 * DAY)
    swept(world)
    assert len(data(storage.list_object_versions(NAMESPACE, bucket)).items) == 2
    clock.jump(world.world.clock_file, 2 * DAY)
    wait_until(lambda: len(data(storage.list_object_versions(NAMESPACE, bucket)).items) == 1)
    assert data(storage.get_object(NAMESPACE, bucket, "a")).content == b"2"


def test_deleting_a_versioned_object_leaves_its_version(
    world: RunningWorld, storage: ObjectStorageClient, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(versioning="Enabled")
    put_policy(storage, bucket, rule("all", "DELETE", 1))
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    clock.jump(world.world.clock_file, 2 * DAY)
    wait_until(lambda: states(storage, bucket) == {})
    versions = data(storage.list_object_versions(NAMESPACE, bucket)).items
    assert [row.is_delete_marker for row in versions] == [True, False]


def test_an_unfinished_upload_is_aborted(world: RunningWorld, storage: ObjectStorageClient, bucket: str) -> None:
    put_policy(storage, bucket, rule("uploads", "ABORT", 7, target="multipart-uploads"))
    upload = data(storage.create_multipart_upload(NAMESPACE, bucket, CreateMultipartUploadDetails(object="o")))
    storage.upload_part(NAMESPACE, bucket, "o", upload.upload_id, 1, b"x")
    clock.jump(world.world.clock_file, 8 * DAY)
    wait_until(lambda: data(storage.list_multipart_uploads(NAMESPACE, bucket)) == [])


def test_a_policy_is_replaced_whole_and_removed(world: RunningWorld, storage: ObjectStorageClient, bucket: str) -> None:
    with pytest.raises(ServiceError) as caught:
        storage.get_object_lifecycle_policy(NAMESPACE, bucket)
    assert (caught.value.status, caught.value.code) == (404, "LifecyclePolicyNotFound")
    first = put_policy(storage, bucket, rule("a", "DELETE", 1), if_none_match="*")
    put_policy(storage, bucket, rule("b", "DELETE", 2), if_match=first.headers["etag"])
    assert [item.name for item in data(storage.get_object_lifecycle_policy(NAMESPACE, bucket)).items] == ["b"]
    with pytest.raises(ServiceError) as caught:
        put_policy(storage, bucket, rule("c", "DELETE", 3), if_match=first.headers["etag"])
    assert caught.value.status == 412
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    storage.delete_object_lifecycle_policy(NAMESPACE, bucket)
    clock.jump(world.world.clock_file, 10 * DAY)
    swept(world)
    assert set(states(storage, bucket)) == {"a"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"action": "ABORT"}, "InvalidLifecycleActionType"),
        ({"target": "multipart-uploads"}, "InvalidLifecycleActionType"),
        ({"timeAmount": 0}, "InvalidLifecycleTimeAmount"),
        ({"timeUnit": "WEEKS"}, "InvalidLifecycleTimeUnit"),
        ({"name": None}, "InvalidLifecycleRuleName"),
        ({"isEnabled": None}, "InvalidParameter"),
    ],
)
def test_a_wrong_rule_changes_nothing(
    storage: ObjectStorageClient, bucket: str, wrong: dict[str, Any], code: str
) -> None:
    right = {"name": "r", "action": "DELETE", "timeAmount": 1, "timeUnit": "DAYS", "isEnabled": True}
    policy: Any = {"items": [right | wrong]}
    with pytest.raises(ServiceError) as caught:
        storage.put_object_lifecycle_policy(NAMESPACE, bucket, policy)
    assert (caught.value.status, caught.value.code) == (400, code)
    with pytest.raises(ServiceError) as caught:
        storage.get_object_lifecycle_policy(NAMESPACE, bucket)
    assert caught.value.code == "LifecyclePolicyNotFound"


def test_an_archive_bucket_gives_its_bytes_an_hour_after_the_restore(
    world: RunningWorld, storage: ObjectStorageClient, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(storage_tier="Archive")
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    with pytest.raises(ServiceError) as caught:
        storage.get_object(NAMESPACE, bucket, "a")
    assert caught.value.code == "NotRestored"
    storage.restore_objects(NAMESPACE, bucket, RestoreObjectsDetails(object_name="a", hours=2))
    assert states(storage, bucket) == {"a": ("Archive", "Restoring")}
    with pytest.raises(ServiceError) as caught:
        storage.restore_objects(NAMESPACE, bucket, RestoreObjectsDetails(object_name="a"))
    assert (caught.value.status, caught.value.code) == (409, "RestoreInProgress")
    clock.jump(world.world.clock_file, 3600)
    wait_until(lambda: states(storage, bucket) == {"a": ("Archive", "Restored")})
    assert data(storage.get_object(NAMESPACE, bucket, "a")).content == b"1"
    clock.jump(world.world.clock_file, 2 * 3600)
    wait_until(lambda: states(storage, bucket) == {"a": ("Archive", "Archived")})


def test_a_tier_is_changed_by_hand(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    change = UpdateObjectStorageTierDetails(object_name="a", storage_tier="InfrequentAccess")
    storage.update_object_storage_tier(NAMESPACE, bucket, change)
    assert states(storage, bucket) == {"a": ("InfrequentAccess", None)}


def swept(world: RunningWorld) -> None:
    """Every sweep that is due by now has run."""
    wait_until(lambda: world.admin("us-phoenix-1", "GET", "/agenda")["overdue"] == 0, what="the agenda")
