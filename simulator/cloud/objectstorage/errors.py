"""Object Storage's error answers: its own codes where the other services have common ones."""

from __future__ import annotations

from simulator.cloud.service import ServiceError


def namespace_not_found(namespace: str) -> ServiceError:
    """The tenancy has one namespace; this is another."""
    return ServiceError(
        404, "NamespaceNotFound", f"You do not have authorization to see namespace '{namespace}', or there is none"
    )


def bucket_not_found(namespace: str, bucket: str) -> ServiceError:
    """As for every call on a bucket that is not there."""
    return ServiceError(
        404,
        "BucketNotFound",
        f"Either the bucket named '{bucket}' does not exist in the namespace '{namespace}' or you are not "
        "authorized to access it",
    )


def object_not_found(bucket: str, name: str) -> ServiceError:
    """No object, or its latest version is a delete marker."""
    return ServiceError(404, "ObjectNotFound", f"The object '{name}' was not found in the bucket '{bucket}'")


def if_match_failed(wanted: str, etag: str | None) -> ServiceError:
    """The state is another than the caller expected."""
    return ServiceError(412, "IfMatchFailed", f"The If-Match header ({wanted}) does not match the etag ({etag})")


def if_none_match_failed(name: str) -> ServiceError:
    """Write-once: there is one already."""
    return ServiceError(412, "IfNoneMatchFailed", f"The If-None-Match header is '*' and '{name}' exists")


def invalid(code: str, message: str) -> ServiceError:
    """400 with one of the service's own codes."""
    return ServiceError(400, code, message)


def not_implemented(what: str) -> ServiceError:
    """A feature of an implemented call that the simulator does not have."""
    return ServiceError(501, "NotImplemented", what)
