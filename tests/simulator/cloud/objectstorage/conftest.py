"""Clients and buckets for the Object Storage tests."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreateBucketDetails

from tests.worlds import RunningWorld, running_world

NAMESPACE = "fittrack"
MakeBucket = Callable[..., str]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningWorld]:
    """One world for all of them, with a manual clock: years pass by jumps."""
    with running_world(tmp_path_factory.mktemp("objectstorage") / "w", rate=0) as running:
        yield running


@pytest.fixture
def storage(world: RunningWorld) -> ObjectStorageClient:
    """The DR region's Object Storage as the on-call engineer sees it."""
    return world.client(ObjectStorageClient)


@pytest.fixture
def make_bucket(request: pytest.FixtureRequest, world: RunningWorld, storage: ObjectStorageClient) -> MakeBucket:
    """Makes a fresh bucket named after the test; options are those of CreateBucketDetails."""

    def make(**options: object) -> str:
        name = request.node.name[:200].replace("[", "-").replace("]", "")
        details = CreateBucketDetails(name=name, compartment_id=world.world.compartment, **options)
        storage.create_bucket(NAMESPACE, details)
        return name

    return make


@pytest.fixture
def bucket(make_bucket: MakeBucket) -> str:
    """A fresh bucket of the usual kind."""
    return make_bucket()
