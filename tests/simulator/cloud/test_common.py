"""What all services share on the wire: retry tokens, pages, work requests, lost answers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from oci.exceptions import RequestException, ServiceError
from oci.identity import IdentityClient
from oci.identity.models import CreateGroupDetails
from oci.work_requests import WorkRequestClient

from simulator.cloud.workrequests import WorkRequests
from simulator.kernel import clock
from simulator.kernel.clock import WorldClock
from simulator.kernel.store import Store
from tests.worlds import RunningWorld, data

HOME = "us-ashburn-1"


@pytest.fixture
def home(world: RunningWorld) -> IdentityClient:
    return world.client(IdentityClient, region=HOME)


def group(world: RunningWorld, name: str) -> CreateGroupDetails:
    return CreateGroupDetails(compartment_id=world.world.tenancy, name=name, description="for a test")


@pytest.mark.wire
def test_a_retry_token_makes_a_call_happen_once(world: RunningWorld, home: IdentityClient) -> None:
    first = data(home.create_group(group(world, "once"), opc_retry_token="token-1"))
    again = data(home.create_group(group(world, "once"), opc_retry_token="token-1"))
    assert again.id == first.id
    with pytest.raises(ServiceError) as caught:
        home.create_group(group(world, "another"), opc_retry_token="token-1")
    assert (caught.value.status, caught.value.code) == (409, "InvalidatedRetryToken")
    other = world.client(IdentityClient, "dba", HOME)
    with pytest.raises(ServiceError) as caught:
        other.create_group(group(world, "once"), opc_retry_token="token-1")
    assert caught.value.code == "GroupAlreadyExists"


@pytest.mark.wire
def test_a_lost_answer_is_found_again_by_its_token(world: RunningWorld, home: IdentityClient) -> None:
    world.simulator("fault", "http", HOME, "lost", "--kind", "lost", "--operation", "create_group", "--times", "1")
    with pytest.raises(RequestException):
        home.create_group(group(world, "lost"), opc_retry_token="token-2")
    again = data(home.create_group(group(world, "lost"), opc_retry_token="token-2"))
    listed = data(home.list_groups(world.world.tenancy, name="lost"))
    assert [row.id for row in listed] == [again.id]
    world.simulator("fault", "clear", HOME)


@pytest.mark.wire
def test_a_list_comes_in_pages(world: RunningWorld, home: IdentityClient) -> None:
    names: list[str] = []
    page: str | None = None
    while True:
        answer: Any = home.list_users(world.world.tenancy, limit=3, **({"page": page} if page else {}))
        names += [user.name for user in answer.data]
        page = answer.next_page
        if page is None:
            break
    assert sorted(names) == sorted(world.world.users)
    for wrong in ({"limit": 0}, {"limit": 1001}, {"page": "x"}):
        with pytest.raises(ServiceError) as caught:
            home.list_users(world.world.tenancy, **wrong)
        assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")


@pytest.mark.wire
def test_an_unknown_work_request_is_not_found(world: RunningWorld) -> None:
    client = world.client(WorkRequestClient)
    for call in (client.get_work_request, client.list_work_request_errors, client.list_work_request_logs):
        with pytest.raises(ServiceError) as caught:
            call("ocid1.coreservicesworkrequest.oc1.phx.none")
        assert (caught.value.status, caught.value.code) == (404, "NotAuthorizedOrNotFound")
    assert data(client.list_work_requests(world.world.compartment)) == []


@pytest.fixture
def work(tmp_path: Path) -> Generator[tuple[WorkRequests, Path]]:
    anchor = tmp_path / "clock.json"
    clock.write_anchor(anchor, world=datetime(2026, 3, 1, tzinfo=UTC), rate=0)
    with closing(Store(tmp_path / "state.db")) as store:
        yield WorkRequests(store, WorldClock(anchor), lambda kind: f"{kind}-1", "compartment"), anchor


def test_progress_follows_world_time_and_ends_only_when_the_work_does(work: tuple[WorkRequests, Path]) -> None:
    requests, anchor = work
    resource = {"entityType": "autonomousDatabase", "actionType": "CREATED", "identifier": "adb"}
    request = requests.start("CREATE_ADB", [resource], duration=100)
    percents: list[float] = []
    for _ in range(4):
        found = requests.get(request)
        assert found is not None
        assert found["status"] == "IN_PROGRESS"
        percents.append(found["percentComplete"])
        clock.jump(anchor, 40)
    assert percents == [0.0, 40.0, 80.0, 99.0]
    requests.finish(request, error="no capacity")
    found = requests.get(request)
    assert found is not None
    assert (found["status"], found["error"], found["percentComplete"]) == ("FAILED", "no capacity", 0.0)
    with pytest.raises(LookupError):
        requests.finish("unknown")
