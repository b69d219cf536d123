"""Signatures of real SDK requests: who may speak, and what the refused are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import oci
import pytest
from oci.core import VirtualNetworkClient
from oci.core.models import CreateVcnDetails
from oci.exceptions import ServiceError
from oci.identity import IdentityClient

from simulator.world import new_key
from tests.worlds import RunningWorld, data

pytestmark = pytest.mark.wire


def test_a_signed_request_is_answered(world: RunningWorld) -> None:
    user = world.world.users["platform-lead"]
    for region in world.world.regions:
        client = world.client(IdentityClient, "oncall", region)
        (key,) = data(client.list_api_keys(user.id))
        assert key.key_value == user.public_key
        assert key.fingerprint == user.fingerprint


def test_an_unsigned_request_is_denied(world: RunningWorld) -> None:
    answer = httpx.get(f"{world.world.home_region.api.url}/20160918/users/x")
    assert answer.status_code == 401
    assert answer.json()["code"] == "NotAuthenticated"
    assert "opc-request-id" in answer.headers


def test_another_key_under_a_known_fingerprint_is_denied(world: RunningWorld) -> None:
    config = world.config("oncall")
    private, _ = new_key()
    del config["key_file"]
    config["key_content"] = private.decode()
    with pytest.raises(ServiceError) as caught:
        world.client(IdentityClient, config=config).get_user(config["user"])
    assert (caught.value.status, caught.value.code) == (401, "NotAuthenticated")
    assert "does not verify" in str(caught.value.message)


def test_an_unknown_fingerprint_is_denied(world: RunningWorld) -> None:
    config = world.config("oncall") | {"fingerprint": ":".join(["00"] * 16)}
    with pytest.raises(ServiceError) as caught:
        world.client(IdentityClient, config=config).get_user(config["user"])
    assert (caught.value.status, caught.value.code) == (401, "NotAuthenticated")


def test_a_stale_date_and_a_changed_body_are_denied(world: RunningWorld) -> None:
    config = world.config("oncall")
    signer = oci.Signer(config["tenancy"], config["user"], config["fingerprint"], config["key_file"])
    url = f"{world.world.home_region.api.url}/20160918/users/{config['user']}"
    stale = format_datetime(datetime.now(UTC) - timedelta(minutes=6), usegmt=True)
    prepared = oci.base_client.requests.Request("GET", url, headers={"date": stale}, auth=signer).prepare()
    answer = httpx.get(url, headers=dict(prepared.headers or {}))
    assert answer.status_code == 401
    assert "more than 300 s" in answer.json()["message"]

    post = f"{world.world.home_region.api.url}/20160918/users"
    prepared = oci.base_client.requests.Request("POST", post, data='{"name": "a"}', auth=signer).prepare()
    answer = httpx.post(post, headers=dict(prepared.headers or {}), content='{"name": "b"}')
    assert answer.status_code == 401
    assert "x-content-sha256" in answer.json()["message"]


def test_what_is_not_implemented_says_its_name(world: RunningWorld) -> None:
    client = world.client(VirtualNetworkClient)
    with pytest.raises(ServiceError) as caught:
        client.create_vcn(CreateVcnDetails(compartment_id=world.world.compartment, cidr_block="10.0.0.0/16"))
    assert (caught.value.status, caught.value.code) == (501, "NotImplemented")
    assert caught.value.message == "create_vcn"
