"""Multipart uploads by the SDK's upload manager and by hand."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient, UploadManager
from oci.object_storage.models import (
    CommitMultipartUploadDetails,
    CommitMultipartUploadPartDetails,
    CreateMultipartUploadDetails,
)

from tests.simulator.cloud.objectstorage.conftest import NAMESPACE
from tests.simulator.cloud.objectstorage.test_objects import read
from tests.worlds import data

pytestmark = pytest.mark.wire


def test_the_upload_manager_stores_a_file_in_parts(storage: ObjectStorageClient, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "export.dmp"
    file.write_bytes(b"".join(bytes([number]) * 1_000_000 for number in range(5)))
    manager = UploadManager(storage, allow_parallel_uploads=True, parallel_process_count=2)
    answer: Any = manager.upload_file(
        NAMESPACE, bucket, "exports/export.dmp", str(file), part_size=2_000_000, metadata={"kind": "dump"}
    )
    assert answer.status == 200
    head: Any = storage.head_object(NAMESPACE, bucket, "exports/export.dmp")
    parts = [file.read_bytes()[at : at + 2_000_000] for at in range(0, 5_000_000, 2_000_000)]
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).digest()
    assert head.headers["opc-multipart-md5"] == f"{base64.b64encode(digest).decode()}-3"
    assert head.headers["content-length"] == "5000000"
    assert head.headers["opc-meta-kind"] == "dump"
    assert read(storage, bucket, "exports/export.dmp") == file.read_bytes()
    crossing = read(storage, bucket, "exports/export.dmp", range="bytes=1999999-2000001")
    assert crossing == bytes([1, 2, 2])


def begin(storage: ObjectStorageClient, bucket: str, **options: Any) -> str:
    details = CreateMultipartUploadDetails(object="o")
    upload: str = data(storage.create_multipart_upload(NAMESPACE, bucket, details, **options)).upload_id
    return upload


def part(storage: ObjectStorageClient, bucket: str, upload: str, number: int, body: bytes) -> Any:
    answer: Any = storage.upload_part(NAMESPACE, bucket, "o", upload, number, body)
    return CommitMultipartUploadPartDetails(part_num=number, etag=answer.headers["etag"])


def test_parts_are_committed_in_order_of_number(storage: ObjectStorageClient, bucket: str) -> None:
    upload = begin(storage, bucket)
    late, early = part(storage, bucket, upload, 2, b"b"), part(storage, bucket, upload, 1, b"old")
    early = part(storage, bucket, upload, 1, b"a")
    listed = data(storage.list_multipart_upload_parts(NAMESPACE, bucket, "o", upload))
    assert [(row.part_number, row.size) for row in listed] == [(1, 1), (2, 1)]
    assert [row.upload_id for row in data(storage.list_multipart_uploads(NAMESPACE, bucket))] == [upload]
    details = CommitMultipartUploadDetails(parts_to_commit=[late, early])
    storage.commit_multipart_upload(NAMESPACE, bucket, "o", upload, details)
    assert read(storage, bucket, "o") == b"ab"
    assert data(storage.list_multipart_uploads(NAMESPACE, bucket)) == []


def test_a_commit_of_parts_that_are_not_there_changes_nothing(storage: ObjectStorageClient, bucket: str) -> None:
    upload = begin(storage, bucket)
    real = part(storage, bucket, upload, 1, b"a")
    wrong = CommitMultipartUploadPartDetails(part_num=2, etag="none")
    for parts in ([real, wrong], [real, real], []):
        details = CommitMultipartUploadDetails(parts_to_commit=parts)
        with pytest.raises(ServiceError) as caught:
            storage.commit_multipart_upload(NAMESPACE, bucket, "o", upload, details)
        assert (caught.value.status, caught.value.code) == (400, "InvalidUploadPart")
    with pytest.raises(ServiceError) as caught:
        storage.get_object(NAMESPACE, bucket, "o")
    assert caught.value.code == "ObjectNotFound"


def test_an_upload_can_be_write_once_and_aborted(storage: ObjectStorageClient, bucket: str) -> None:
    upload = begin(storage, bucket, if_none_match="*")
    only = part(storage, bucket, upload, 1, b"a")
    storage.put_object(NAMESPACE, bucket, "o", b"first")
    details = CommitMultipartUploadDetails(parts_to_commit=[only])
    with pytest.raises(ServiceError) as caught:
        storage.commit_multipart_upload(NAMESPACE, bucket, "o", upload, details, if_none_match="*")
    assert caught.value.code == "IfNoneMatchFailed"
    storage.abort_multipart_upload(NAMESPACE, bucket, "o", upload)
    with pytest.raises(ServiceError) as caught:
        storage.abort_multipart_upload(NAMESPACE, bucket, "o", upload)
    assert (caught.value.status, caught.value.code) == (404, "UploadNotFound")
    assert read(storage, bucket, "o") == b"first"
