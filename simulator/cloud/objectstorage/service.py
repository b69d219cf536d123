"""The Object Storage service: importing the modules registers their calls."""

from simulator.cloud.objectstorage import archive, buckets, lifecycle, multipart, objects, preauthenticated
from simulator.cloud.objectstorage.base import SERVICE

__all__ = ["SERVICE", "archive", "buckets", "lifecycle", "multipart", "objects", "preauthenticated"]
