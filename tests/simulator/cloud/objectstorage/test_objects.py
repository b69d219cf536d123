"""Objects by the real SDK: bytes, conditions, digests, ranges, listings, versions."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import oci
import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import RenameObjectDetails, UpdateBucketDetails

from tests.simulator.cloud.objectstorage.conftest import NAMESPACE
from tests.worlds import RunningWorld, data

pytestmark = pytest.mark.wire


def read(storage: ObjectStorageClient, bucket: str, name: str, **options: Any) -> bytes:
    answer: Any = storage.get_object(NAMESPACE, bucket, name, **options)
    content: bytes = answer.data.content
    answer.data.close()
    return content


def test_what_was_put_is_read_back(storage: ObjectStorageClient, bucket: str) -> None:
    body = bytes(range(256)) * 4096
    name = "runs/2026-03-01 08:00/ä+%2F/000001.json"
    put: Any = storage.put_object(
        NAMESPACE, bucket, name, body, content_type="application/json", opc_meta={"run": "r1"}
    )
    assert read(storage, bucket, name) == body
    head: Any = storage.head_object(NAMESPACE, bucket, name)
    assert head.headers["etag"] == put.headers["etag"]
    assert head.headers["content-length"] == str(len(body))
    assert head.headers["content-type"] == "application/json"
    assert head.headers["opc-meta-run"] == "r1"
    assert head.headers["content-md5"] == base64.b64encode(hashlib.md5(body).digest()).decode()
    assert put.headers["opc-content-md5"] == head.headers["content-md5"]


def test_an_empty_object_and_a_streamed_one(storage: ObjectStorageClient, bucket: str, tmp_path: Any) -> None:
    storage.put_object(NAMESPACE, bucket, "empty", b"")
    assert read(storage, bucket, "empty") == b""
    file = tmp_path / "big"
    file.write_bytes(b"x" * 3_000_000)
    with file.open("rb") as stream:
        storage.put_object(NAMESPACE, bucket, "streamed", stream)
    assert read(storage, bucket, "streamed") == file.read_bytes()


def test_claiming_a_name_is_exclusive(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "runs/r/000001.json", b"mine", if_none_match="*")
    with pytest.raises(ServiceError) as caught:
        storage.put_object(NAMESPACE, bucket, "runs/r/000001.json", b"yours", if_none_match="*")
    assert (caught.value.status, caught.value.code) == (412, "IfNoneMatchFailed")
    assert read(storage, bucket, "runs/r/000001.json") == b"mine"


def test_compare_and_swap_by_etag(storage: ObjectStorageClient, bucket: str) -> None:
    first: Any = storage.put_object(NAMESPACE, bucket, "state", b"1")
    second: Any = storage.put_object(NAMESPACE, bucket, "state", b"2", if_match=first.headers["etag"])
    with pytest.raises(ServiceError) as caught:
        storage.put_object(NAMESPACE, bucket, "state", b"3", if_match=first.headers["etag"])
    assert (caught.value.status, caught.value.code) == (412, "IfMatchFailed")
    with pytest.raises(ServiceError) as caught:
        storage.delete_object(NAMESPACE, bucket, "state", if_match=first.headers["etag"])
    assert (caught.value.status, caught.value.code) == (412, "IfMatchFailed")
    with pytest.raises(ServiceError) as caught:
        storage.put_object(NAMESPACE, bucket, "absent", b"3", if_match="*")
    assert caught.value.status == 412
    assert read(storage, bucket, "state") == b"2"
    with pytest.raises(ServiceError) as caught:
        storage.get_object(NAMESPACE, bucket, "state", if_none_match=second.headers["etag"])
    assert caught.value.status == 304


@pytest.mark.parametrize(
    ("option", "code"),
    [("content_md5", "UnmatchedContentMD5"), ("opc_content_sha256", "MissingOrInvalidChecksum")],
)
def test_a_body_that_is_not_what_its_digest_says_is_refused(
    storage: ObjectStorageClient, bucket: str, option: str, code: str
) -> None:
    algorithm = hashlib.md5 if option == "content_md5" else hashlib.sha256
    options = {option: base64.b64encode(algorithm(b"other").digest()).decode()}
    with pytest.raises(ServiceError) as caught:
        storage.put_object(NAMESPACE, bucket, "a", b"body", **options)
    assert (caught.value.status, caught.value.code) == (400, code)
    options = {option: base64.b64encode(algorithm(b"body").digest()).decode()}
    storage.put_object(NAMESPACE, bucket, "a", b"body", **options)
    assert read(storage, bucket, "a") == b"body"


def test_ranges(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "digits", b"0123456789")
    assert read(storage, bucket, "digits", range="bytes=2-4") == b"234"
    assert read(storage, bucket, "digits", range="bytes=7-") == b"789"
    assert read(storage, bucket, "digits", range="bytes=-3") == b"789"
    assert read(storage, bucket, "digits", range="bytes=8-100") == b"89"
    with pytest.raises(ServiceError) as caught:
        read(storage, bucket, "digits", range="bytes=10-")
    assert (caught.value.status, caught.value.code) == (416, "InvalidRange")


def test_what_is_not_there(storage: ObjectStorageClient, bucket: str) -> None:
    for call in (storage.get_object, storage.delete_object):
        with pytest.raises(ServiceError) as caught:
            call(NAMESPACE, bucket, "absent")
        assert (caught.value.status, caught.value.code) == (404, "ObjectNotFound")
    with pytest.raises(ServiceError) as caught:
        storage.head_object(NAMESPACE, bucket, "absent")
    assert caught.value.status == 404
    with pytest.raises(ServiceError) as caught:
        storage.put_object(NAMESPACE, "absent", "a", b"1")
    assert (caught.value.status, caught.value.code) == (404, "BucketNotFound")


def test_a_list_is_in_order_in_pages_and_folded(storage: ObjectStorageClient, bucket: str) -> None:
    names = [f"runs/{run}/{number:06d}.json" for run in ("a", "b") for number in range(3)]
    for name in [*names, "zeta", "Alpha"]:
        storage.put_object(NAMESPACE, bucket, name, b"x")
    everything: Any = oci.pagination.list_call_get_all_results(
        storage.list_objects, NAMESPACE, bucket, limit=3, fields="name,size,etag,timeCreated,md5"
    )
    assert [row.name for row in everything.data.objects] == ["Alpha", *names, "zeta"]
    assert {row.size for row in everything.data.objects} == {1}
    assert None not in {row.etag for row in everything.data.objects}
    below = data(storage.list_objects(NAMESPACE, bucket, prefix="runs/a/"))
    assert [row.name for row in below.objects] == names[:3]
    assert below.objects[0].size is None
    folded = data(storage.list_objects(NAMESPACE, bucket, delimiter="/"))
    assert ([row.name for row in folded.objects], folded.prefixes) == (["Alpha", "zeta"], ["runs/"])
    runs = data(storage.list_objects(NAMESPACE, bucket, prefix="runs/", delimiter="/"))
    assert (runs.objects, runs.prefixes) == ([], ["runs/a/", "runs/b/"])
    bounded = data(storage.list_objects(NAMESPACE, bucket, start="runs/a/000001.json", end="runs/b/"))
    assert [row.name for row in bounded.objects] == names[1:3]
    first = data(storage.list_objects(NAMESPACE, bucket, limit=2))
    assert first.next_start_with == names[1]
    after = data(storage.list_objects(NAMESPACE, bucket, start_after="runs/b/000002.json"))
    assert [row.name for row in after.objects] == ["zeta"]


def test_rename(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(NAMESPACE, bucket, "old", b"1")
    storage.rename_object(NAMESPACE, bucket, RenameObjectDetails(source_name="old", new_name="new"))
    assert read(storage, bucket, "new") == b"1"
    with pytest.raises(ServiceError) as caught:
        storage.head_object(NAMESPACE, bucket, "old")
    assert caught.value.status == 404
    storage.put_object(NAMESPACE, bucket, "old", b"2")
    details = RenameObjectDetails(source_name="old", new_name="new", new_obj_if_none_match_e_tag="*")
    with pytest.raises(ServiceError) as caught:
        storage.rename_object(NAMESPACE, bucket, details)
    assert caught.value.code == "IfNoneMatchFailed"


def test_versions_outlive_an_overwrite_and_a_delete(storage: ObjectStorageClient, bucket: str) -> None:
    storage.update_bucket(NAMESPACE, bucket, UpdateBucketDetails(versioning="Enabled"))
    first: Any = storage.put_object(NAMESPACE, bucket, "a", b"1")
    storage.put_object(NAMESPACE, bucket, "a", b"2")
    storage.delete_object(NAMESPACE, bucket, "a")
    with pytest.raises(ServiceError) as caught:
        storage.get_object(NAMESPACE, bucket, "a")
    assert caught.value.code == "ObjectNotFound"
    assert data(storage.list_objects(NAMESPACE, bucket)).objects == []
    versions = data(storage.list_object_versions(NAMESPACE, bucket)).items
    assert [row.is_delete_marker for row in versions] == [True, False, False]
    version = first.headers["version-id"]
    assert read(storage, bucket, "a", version_id=version) == b"1"
    storage.delete_object(NAMESPACE, bucket, "a", version_id=versions[0].version_id)
    assert read(storage, bucket, "a") == b"2"
    storage.delete_object(NAMESPACE, bucket, "a", version_id=versions[1].version_id)
    assert read(storage, bucket, "a") == b"1"


def test_without_versioning_nothing_of_the_old_bytes_is_left(
    world: RunningWorld, storage: ObjectStorageClient, bucket: str
) -> None:
    def files() -> set[str]:
        return {file.name for file in (world.world.home_of("us-phoenix-1") / "objects").glob("*/*")}

    before = files()
    storage.put_object(NAMESPACE, bucket, "a", b"1")
    (first,) = files() - before
    storage.put_object(NAMESPACE, bucket, "a", b"2")
    assert first not in files()
    storage.delete_object(NAMESPACE, bucket, "a")
    assert files() == before
