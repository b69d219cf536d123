"""Buckets by the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreateBucketDetails, UpdateBucketDetails

from tests.simulator.cloud.objectstorage.conftest import NAMESPACE
from tests.worlds import RunningWorld, data

pytestmark = pytest.mark.wire


def test_the_namespace_is_the_tenancys(storage: ObjectStorageClient) -> None:
    assert data(storage.get_namespace()) == NAMESPACE
    with pytest.raises(ServiceError) as caught:
        storage.get_bucket("another", "x")
    assert (caught.value.status, caught.value.code) == (404, "NamespaceNotFound")


def test_a_bucket_is_created_read_listed_and_deleted(world: RunningWorld, storage: ObjectStorageClient) -> None:
    details = CreateBucketDetails(
        name="journals",
        compartment_id=world.world.compartment,
        versioning="Enabled",
        storage_tier="Standard",
        freeform_tags={"purpose": "evidence"},
        metadata={"owner": "oncall"},
    )
    created = storage.create_bucket(NAMESPACE, details)
    read = storage.get_bucket(NAMESPACE, "journals", fields=["approximateCount", "approximateSize"])
    assert data(read).versioning == "Enabled"
    assert data(read).freeform_tags == {"purpose": "evidence"}
    assert data(read).created_by == world.world.users["oncall"].id
    assert data(read).public_access_type == "NoPublicAccess"
    assert (data(read).approximate_count, data(read).approximate_size) == (0, 0)
    assert data(read).etag == data(created).etag
    listed = data(storage.list_buckets(NAMESPACE, world.world.compartment))
    assert "journals" in [row.name for row in listed]
    storage.delete_bucket(NAMESPACE, "journals")
    with pytest.raises(ServiceError) as caught:
        storage.get_bucket(NAMESPACE, "journals")
    assert (caught.value.status, caught.value.code) == (404, "BucketNotFound")


def test_a_name_is_taken_once_per_region(world: RunningWorld, storage: ObjectStorageClient, bucket: str) -> None:
    details = CreateBucketDetails(name=bucket, compartment_id=world.world.compartment)
    with pytest.raises(ServiceError) as caught:
        storage.create_bucket(NAMESPACE, details)
    assert (caught.value.status, caught.value.code) == (409, "BucketAlreadyExists")
    other = world.client(ObjectStorageClient, region="us-ashburn-1")
    other.create_bucket(NAMESPACE, details)
    assert data(other.get_bucket(NAMESPACE, bucket)).id != data(storage.get_bucket(NAMESPACE, bucket)).id


def test_a_full_bucket_is_not_deleted(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    with pytest.raises(ServiceError) as caught:
        storage.delete_bucket(NAMESPACE, bucket)
    assert (caught.value.status, caught.value.code) == (409, "BucketNotEmpty")
    storage.delete_object(NAMESPACE, bucket, "a")
    storage.delete_bucket(NAMESPACE, bucket)


def test_an_update_is_conditional_and_versioning_is_never_disabled_again(
    storage: ObjectStorageClient, bucket: str
) -> None:
    before = data(storage.get_bucket(NAMESPACE, bucket)).etag
    storage.update_bucket(NAMESPACE, bucket, UpdateBucketDetails(versioning="Enabled"), if_match=before)
    with pytest.raises(ServiceError) as caught:
        storage.update_bucket(NAMESPACE, bucket, UpdateBucketDetails(versioning="Suspended"), if_match=before)
    assert (caught.value.status, caught.value.code) == (412, "IfMatchFailed")
    unchecked: Any = {"versioning": "Disabled"}  # the SDK's model would not even send it
    with pytest.raises(ServiceError) as caught:
        storage.update_bucket(NAMESPACE, bucket, unchecked)
    assert (caught.value.status, caught.value.code) == (400, "InvalidBucketProperty")
    assert data(storage.get_bucket(NAMESPACE, bucket)).versioning == "Enabled"


@pytest.mark.parametrize(
    ("details", "status", "code"),
    [
        ({"name": "bad name"}, 400, "InvalidBucketName"),
        ({"storage_tier": "Standard", "versioning": "Disabled", "compartment_id": "ocid1.x"}, 404, None),
        ({"public_access_type": "ObjectRead"}, 501, "NotImplemented"),
        ({"auto_tiering": "InfrequentAccess"}, 501, "NotImplemented"),
    ],
)
def test_a_bucket_that_cannot_be_is_refused(
    world: RunningWorld, storage: ObjectStorageClient, details: dict[str, str], status: int, code: str | None
) -> None:
    fields = {"name": "refused", "compartment_id": world.world.compartment} | details
    with pytest.raises(ServiceError) as caught:
        storage.create_bucket(NAMESPACE, CreateBucketDetails(**fields))
    assert caught.value.status == status
    assert code in (None, caught.value.code)
    assert "refused" not in [row.name for row in data(storage.list_buckets(NAMESPACE, world.world.compartment))]
