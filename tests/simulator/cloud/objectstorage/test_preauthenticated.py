"""Pre-authenticated requests: made by the SDK, used by anyone with the path, for as long as they last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreatePreauthenticatedRequestDetails

from simulator.kernel import clock
from tests.simulator.cloud.objectstorage.conftest import NAMESPACE
from tests.worlds import RunningWorld, data

pytestmark = pytest.mark.wire


def make(world: RunningWorld, storage: ObjectStorageClient, bucket: str, access: str, **more: Any) -> Any:
    details = CreatePreauthenticatedRequestDetails(
        name="heartbeats", access_type=access, time_expires=world.clock.now() + timedelta(hours=1), **more
    )
    return data(storage.create_preauthenticated_request(NAMESPACE, bucket, details))


def test_a_writer_needs_no_signature_and_may_only_write(
    world: RunningWorld, storage: ObjectStorageClient, bucket: str
) -> None:
    made = make(world, storage, bucket, "AnyObjectWrite")
    url = f"{world.world.regions['us-phoenix-1'].api.url}{made.access_uri}heartbeat/us-ashburn-1.json"
    assert made.full_path + "heartbeat/us-ashburn-1.json" == url
    answer = httpx.put(url, content=b'{"time": 1}')
    assert answer.status_code == 200
    assert answer.headers["etag"]
    stored: Any = storage.get_object(NAMESPACE, bucket, "heartbeat/us-ashburn-1.json")
    assert stored.data.content == b'{"time": 1}'
    denied = httpx.get(url)
    assert (denied.status_code, denied.json()["code"]) == (401, "NotAuthenticated")


def test_a_reader_of_one_object_reads_only_that(world: RunningWorld, storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "a b/c", b"1")
    storage.put_object(NAMESPACE, bucket, "other", b"2")
    made = make(world, storage, bucket, "ObjectRead", object_name="a b/c")
    assert httpx.get(made.full_path).content == b"1"
    assert httpx.head(made.full_path).headers["content-length"] == "1"
    assert httpx.put(made.full_path, content=b"2").status_code == 401
    elsewhere = made.full_path.replace("a b/c", "other").replace("a%20b/c", "other")
    assert httpx.get(elsewhere).status_code == 401


def test_listing_is_a_permission_of_its_own(world: RunningWorld, storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    blind = make(world, storage, bucket, "AnyObjectRead")
    assert httpx.get(blind.full_path).status_code == 401
    seeing = make(world, storage, bucket, "AnyObjectRead", bucket_listing_action="ListObjects")
    assert httpx.get(seeing.full_path).json()["objects"] == [{"name": "a"}]


def test_a_path_ends_with_its_time_and_with_its_deletion(
    world: RunningWorld, storage: ObjectStorageClient, bucket: str
) -> None:
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    first = make(world, storage, bucket, "AnyObjectRead")
    second = make(world, storage, bucket, "AnyObjectRead")
    listed = data(storage.list_preauthenticated_requests(NAMESPACE, bucket))
    assert [row.id for row in listed] == [first.id, second.id]
    assert not hasattr(listed[0], "access_uri")
    storage.delete_preauthenticated_request(NAMESPACE, bucket, second.id)
    gone = httpx.get(second.full_path + "a")
    assert (gone.status_code, gone.json()["code"]) == (404, "PreauthenticatedRequestNotFound")
    assert httpx.get(first.full_path + "a").content == b"1"
    clock.jump(world.world.clock_file, 3600)
    expired = httpx.get(first.full_path + "a")
    assert (expired.status_code, expired.json()["message"]) == (401, "PAR is expired")


def test_a_request_that_makes_no_sense_is_refused(
    world: RunningWorld, storage: ObjectStorageClient, bucket: str
) -> None:
    wrong: list[dict[str, Any]] = [
        {"access": "ObjectRead"},
        {"access": "AnyObjectWrite", "bucket_listing_action": "ListObjects"},
    ]
    for options in wrong:
        with pytest.raises(ServiceError) as caught:
            make(world, storage, bucket, **options)
        assert caught.value.status == 400
    details = CreatePreauthenticatedRequestDetails(
        name="past", access_type="AnyObjectRead", time_expires=world.clock.now() - timedelta(seconds=1)
    )
    with pytest.raises(ServiceError) as caught:
        storage.create_preauthenticated_request(NAMESPACE, bucket, details)
    assert (caught.value.status, caught.value.code) == (400, "InvalidParCreateRequest")
    assert data(storage.list_preauthenticated_requests(NAMESPACE, bucket)) == []
