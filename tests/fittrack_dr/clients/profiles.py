"""Profiles for tests: a section in the form that a rehearsal writes, changed as a test needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fittrack_dr.clients.profile import Profile, load_profile


def rows(directory: Path) -> dict[str, str]:
    """The keys of a rehearsal's profile; the files it names are made in ``directory``."""
    for name in ("key.pem", "password", "clock.json"):
        path = directory / name
        if not path.exists():
            path.write_text("{}")
    return {
        "tenancy": "ocid1.tenancy.oc1..aaaa",
        "user": "ocid1.user.oc1..aaaa",
        "fingerprint": "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
        "key_file": str(directory / "key.pem"),
        "region": "us-phoenix-1",
        "fittrack_endpoint.us-ashburn-1": "http://127.1.2.32:8080",
        "fittrack_endpoint.us-phoenix-1": "http://127.1.2.64:8080",
        "fittrack_tns_admin": str(directory),
        "fittrack_tns_alias.us-ashburn-1": "fittrack_us_ashburn_1_tp",
        "fittrack_tns_alias.us-phoenix-1": "fittrack_us_phoenix_1_tp",
        "fittrack_resolvers": "127.1.2.2:5353, 127.1.2.3:5353",
        "fittrack_authoritative": "127.1.2.1:5353",
        "fittrack_neutral_target": "http://127.1.2.4:8080/",
        "fittrack_application_port": "8443",
        "fittrack_clock": str(directory / "clock.json"),
        "fittrack_db_user": "FITTRACK_DR",
        "fittrack_db_password_file": str(directory / "password"),
        "fittrack_compartment": "ocid1.compartment.oc1..aaaa",
        "fittrack_namespace": "fittrack",
    }


def real_rows(directory: Path) -> dict[str, str]:
    """The keys of a profile whose endpoints are the SDK's own."""
    kept = {key: value for key, value in rows(directory).items() if "endpoint" not in key and "clock" not in key}
    return kept | {
        "fittrack_resolvers": "192.0.2.1, 192.0.2.2:5353",
        "fittrack_authoritative": "192.0.2.3",
        "fittrack_neutral_target": "https://neutral.example/",
    }


def write_profile(directory: Path, keys: dict[str, str], section: str = "oncall") -> dict[str, str]:
    """Write the file and return the environment that names it."""
    path = directory / "config"
    path.write_text(f"[DEFAULT]\n\n[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return {"OCI_CONFIG_FILE": str(path), "OCI_CLI_PROFILE": section}


def make_profile(directory: Path, **changes: str) -> Profile:
    """A loaded rehearsal profile with a real private key; ``endpoint`` replaces the endpoint of us-phoenix-1."""
    keys = rows(directory)
    (directory / "key.pem").write_bytes(_private_key())
    if "endpoint" in changes:
        keys["fittrack_endpoint.us-phoenix-1"] = changes.pop("endpoint")
    return load_profile(write_profile(directory, keys | changes))


@cache
def _private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
