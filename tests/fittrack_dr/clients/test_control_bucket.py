"""Journal, recovery state and inventory in the control bucket of a running world; and a world that is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from oci.object_storage import ObjectStorageClient as Sdk
from oci.object_storage.models import CreateBucketDetails

from fittrack_dr.clients.identity import IdentityClient
from fittrack_dr.clients.inventory import read_inventory
from fittrack_dr.clients.objectstorage import ObjectStorageClient
from fittrack_dr.clients.profile import Profile, load_profile
from fittrack_dr.clients.session import Session
from fittrack_dr.clients.stores import BucketJournalStore, BucketStateStore
from fittrack_dr.domain import MalformedError, RecoveryState
from fittrack_dr.errors import ChangedError, ConfigError, NotFoundError, UnreachableError
from tests.fittrack_dr.clients.test_inventory import DOCUMENT
from tests.worlds import RunningWorld

pytestmark = pytest.mark.wire

REGION = "us-phoenix-1"
STATE = RecoveryState(active_region="us-ashburn-1", postures={"prod": "active", "dr": "pilot-light"}, epoch=1, run=None)
_numbers = iter(range(1000))


@pytest.fixture(scope="module")
def profile(world: RunningWorld) -> Profile:
    return load_profile(world.environment("oncall"))


@pytest.fixture(scope="module")
def session(profile: Profile) -> Iterator[Session]:
    with Session(profile) as session:
        yield session


@pytest.fixture
def bucket(world: RunningWorld, session: Session) -> ObjectStorageClient:
    """A control bucket of its own for each test."""
    name = f"control-{next(_numbers)}"
    details = CreateBucketDetails(name=name, compartment_id=world.world.compartment)
    world.client(Sdk, "platform-lead", REGION).create_bucket(world.world.namespace, details)
    return ObjectStorageClient(session, REGION, name)


def test_an_object_is_written_once(bucket: ObjectStorageClient) -> None:
    assert bucket.get("a/b c.json") is None
    etag = bucket.put("a/b c.json", b"{}", replaces=None)
    stored = bucket.get("a/b c.json")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"{}", etag)
    with pytest.raises(ChangedError, match=r"could not write object a/b c\.json in bucket"):
        bucket.put("a/b c.json", b"[]", replaces=None)
    kept = bucket.get("a/b c.json")
    assert kept == stored


def test_an_object_is_replaced_by_whoever_read_it_last(bucket: ObjectStorageClient) -> None:
    first = bucket.put("state", b"1", replaces=None)
    second = bucket.put("state", b"2", replaces=first)
    assert second != first
    with pytest.raises(ChangedError):
        bucket.put("state", b"3", replaces=first)
    stored = bucket.get("state")
    assert stored is not None
    assert stored.data == b"2"


def test_names_come_in_byte_order(bucket: ObjectStorageClient) -> None:
    for name in ("runs/r/000002.json", "runs/r/000001.json", "runs/s/000001.json", "other"):
        bucket.put(name, b"", replaces=None)
    assert bucket.names("runs/r/") == ("runs/r/000001.json", "runs/r/000002.json")
    assert bucket.folders("runs/") == ("r", "s")
    assert bucket.names("runs/none/") == ()


def test_a_bucket_that_is_not_there(session: Session) -> None:
    missing = ObjectStorageClient(session, REGION, "nowhere")
    for act in (lambda: missing.get("a"), lambda: missing.names(""), lambda: missing.put("a", b"", replaces=None)):
        with pytest.raises(NotFoundError, match="bucket nowhere"):
            act()
    for act in (BucketJournalStore(missing).list_runs, BucketStateStore(missing).read):
        with pytest.raises(
            ConfigError, match="there is no control bucket nowhere in namespace fittrack of us-phoenix-1"
        ):
            act()
    with pytest.raises(ConfigError, match=r"there is no inventory\.json in bucket nowhere"):
        read_inventory(missing)


def test_a_journal(bucket: ObjectStorageClient) -> None:
    store = BucketJournalStore(bucket)
    assert (store.list_runs(), store.numbers("r1"), store.read("r1", 1)) == ((), (), None)
    assert store.create("r1", 1, b'{"a":1}')
    assert not store.create("r1", 1, b'{"a":2}')
    assert store.create("r1", 2, b"{}")
    assert store.create("r0", 1, b"{}")
    assert store.read("r1", 1) == b'{"a":1}'
    assert store.numbers("r1") == (1, 2)
    assert store.list_runs() == ("r0", "r1")
    bucket.put("runs/r1/notes.txt", b"", replaces=None)
    assert store.numbers("r1") == (1, 2)
    for run in ("", "../r1", "a/b", "x" * 101):
        with pytest.raises(ConfigError, match="is no run's id"):
            store.numbers(run)


def test_only_one_of_many_gets_a_number(bucket: ObjectStorageClient) -> None:
    store = BucketJournalStore(bucket)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda name: store.create("r", 1, f"{name}".encode()), range(8)))
    assert won.count(True) == 1
    assert store.read("r", 1) == f"{won.index(True)}".encode()


def test_the_recovery_state_is_swapped(bucket: ObjectStorageClient) -> None:
    store = BucketStateStore(bucket)
    assert store.read() == (None, None)
    assert store.compare_and_swap(STATE, None)
    assert not store.compare_and_swap(STATE, None)
    state, etag = store.read()
    assert state == STATE
    assert store.compare_and_swap(replace(STATE, run="r1"), etag)
    assert not store.compare_and_swap(replace(STATE, run="r2"), etag)
    assert store.read()[0] == replace(STATE, run="r1")


def test_a_damaged_recovery_state_is_named(bucket: ObjectStorageClient) -> None:
    bucket.put("recovery-state.json", b"{}", replaces=None)
    with pytest.raises(MalformedError, match=f"recovery-state.json in bucket {bucket.bucket}"):
        BucketStateStore(bucket).read()


def test_the_inventory(bucket: ObjectStorageClient) -> None:
    with pytest.raises(ConfigError, match="provision the environment, which writes it"):
        read_inventory(bucket)
    bucket.put("inventory.json", json.dumps(DOCUMENT).encode(), replaces=None)
    assert set(read_inventory(bucket).regions) == {"us-ashburn-1", "us-phoenix-1"}


def test_people(world: RunningWorld, session: Session, profile: Profile) -> None:
    iam = IdentityClient(session, REGION)
    lead = world.world.users["platform-lead"]
    assert (iam.name(lead.id), iam.name("ocid1.user.oc1..nobody")) == ("platform-lead", "ocid1.user.oc1..nobody")
    assert iam.groups(lead.id) == {"FitTrackPlatformLeads"}
    assert iam.groups("ocid1.user.oc1..nobody") == frozenset()
    public_key = iam.public_key(lead.id, lead.fingerprint)
    assert public_key is not None
    assert public_key.startswith("-----BEGIN PUBLIC KEY-----")
    assert iam.public_key(lead.id, profile.fingerprint) is None
    assert iam.public_key("ocid1.user.oc1..nobody", lead.fingerprint) is None
    assert [key.active for key in iam.api_keys(lead.id)] == [True]


def test_a_stranger_is_turned_away(world: RunningWorld, profile: Profile) -> None:
    other = load_profile(world.environment("dba"))
    stranger = replace(profile, key_file=other.key_file)
    turned_away = pytest.raises(ConfigError, match=r"401 NotAuthenticated.*check user, fingerprint and key_file")
    with Session(stranger) as session, turned_away:
        ObjectStorageClient(session, REGION, "control").get("a")


@pytest.mark.parametrize(("how", "reason"), [("blackhole", "no answer in time"), ("kill", "connection refused")])
def test_a_lost_region_is_seen_to_be_dark_within_seconds(
    world: RunningWorld, profile: Profile, how: str, reason: str
) -> None:
    """Last in this file: what it loses comes back."""
    world.simulator("lose", "us-ashburn-1", "--how", how)
    try:
        with Session(profile, connect=0.5, read=0.5) as impatient:
            start = time.monotonic()
            with pytest.raises(UnreachableError, match=reason):
                ObjectStorageClient(impatient, "us-ashburn-1", "control").names("")
            assert time.monotonic() - start < 3
            assert IdentityClient(impatient, REGION).name(profile.user) == "oncall"
    finally:
        world.simulator("return", "us-ashburn-1")
    with Session(profile) as session:
        assert IdentityClient(session, "us-ashburn-1").name(profile.user) == "oncall"
