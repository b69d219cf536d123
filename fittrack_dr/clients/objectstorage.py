"""Object Storage of one region: whole small objects, written once or replaced by compare-and-swap."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from fittrack_dr.clients.failures import reading, stated, writing
from fittrack_dr.clients.session import Session
from fittrack_dr.domain.cloud import StoredObject
from fittrack_dr.errors import NotFoundError

NO_OBJECT = "ObjectNotFound"
"""The code of the error that tells a missing object from a missing bucket."""
_MOST_PAGES = 10_000


class ObjectStorageClient:
    """One bucket of one region. Every object is checked against its MD5 on the way in and out."""

    def __init__(self, session: Session, region: str, bucket: str, namespace: str | None = None) -> None:
        self._session = session
        self.region = region
        self.bucket = bucket
        self.namespace = namespace or session.profile.namespace

    def prepare(self) -> None:
        """Make the SDK's client, which reads the key, without asking anything. Raises ConfigError."""
        self._objects()

    def get(self, name: str) -> StoredObject | None:
        """The object's content, or None when there is none. Raises NotFoundError without the bucket."""
        try:
            with self._reading(f"read object {name}"):
                response = self._objects().get_object(self.namespace, self.bucket, name)
                data: bytes = response.data.content
                stated = response.headers.get("content-md5")
                if stated and stated != _md5(data):
                    raise ValueError("its content does not match its MD5")
                return StoredObject(data, _etag(response))
        except NotFoundError as error:
            if error.code != NO_OBJECT:
                raise
            return None

    def put(self, name: str, data: bytes, *, replaces: str | None, content_type: str = "application/json") -> str:
        """Write the object and return its entity tag.

        ``replaces`` is the entity tag of what it replaces, or None when nothing may be there yet. Raises ChangedError
        when that is no longer so, NotFoundError without the bucket, OutcomeUnknownError when the answer was lost.
        """
        condition = {"if_none_match": "*"} if replaces is None else {"if_match": replaces}
        with self._writing(f"write object {name}"):
            response = self._objects().put_object(
                self.namespace,
                self.bucket,
                name,
                data,
                content_md5=_md5(data),
                content_type=content_type,
                content_length=len(data),
                **condition,
            )
            return _etag(response)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names of all objects that begin with ``prefix``, in byte order."""
        with self._reading(f"list objects {prefix}*"):
            return tuple(each.name for page in self._listing(prefix, None) for each in page.objects)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """What stands between ``prefix`` and the next slash in the names of objects, each once, in byte order."""
        with self._reading(f"list objects {prefix}*"):
            found = [each for page in self._listing(prefix, "/") for each in page.prefixes or ()]
        return tuple(dict.fromkeys(each.removeprefix(prefix).rstrip("/") for each in found))

    def _listing(self, prefix: str, delimiter: str | None) -> Iterator[Any]:
        options: dict[str, str] = {"prefix": prefix, "fields": "name"}
        if delimiter:
            options["delimiter"] = delimiter
        for _ in range(_MOST_PAGES):
            page = self._objects().list_objects(self.namespace, self.bucket, **options).data
            yield page
            if not page.next_start_with:
                return
            options["start"] = page.next_start_with
        raise ValueError(f"more than {_MOST_PAGES} pages")

    def _objects(self) -> Any:
        from oci.object_storage import ObjectStorageClient as Sdk

        return self._session.client(Sdk, self.region)

    def _reading(self, what: str) -> Any:
        return reading(f"{what} in bucket {self.bucket} of {self.region}", self._session.profile)

    def _writing(self, what: str) -> Any:
        return writing(f"{what} in bucket {self.bucket} of {self.region}", self._session.profile)


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _etag(response: Any) -> str:
    return stated(response.headers.get("etag"))
