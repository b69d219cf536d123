"""The ``simulator`` command as real processes: what a person types, what is left behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from simulator.kernel.process import ProcessRecord
from simulator.kernel.worldfile import World
from tests.worlds import RunningWorld, WorldFactory, run_simulator, wait_until

pytestmark = pytest.mark.wire


def listening(block: str) -> list[str]:
    """The addresses of a block on which somebody listens or is connected."""
    rows: list[Any] = psutil.net_connections("inet")
    taken = [row.laddr for row in rows if row.laddr and row.status != "TIME_WAIT"]
    return [f"{address.ip}:{address.port}" for address in taken if address.ip.startswith(f"{block}.")]


def processes_of(directory: Path) -> list[int]:
    """Everything that runs for a world: its directory is in the command line of each leader, and pods descend."""
    found: set[int] = set()
    for process in psutil.process_iter(["cmdline"]):
        if str(directory) in (process.info["cmdline"] or []):
            found |= {process.pid, *(child.pid for child in process.children(recursive=True))}
    return sorted(found)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a refused command says: one line, on stderr."""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("simulator: ")
    return line


def test_help_needs_nothing_heavy() -> None:
    program = (
        "import sys\nfrom simulator.cli import simulator\n"
        "try: simulator(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'uvicorn', 'cryptography', 'httpx', 'sqlglot', 'rich', 'oci', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("up", "down", "status", "env", "lose", "return", "clock", "snapshot", "fault"):
        assert f"  {command} " in done.stdout


def test_a_world_comes_up_and_goes_down_without_a_trace(make_world: WorldFactory) -> None:
    with make_world() as world:
        assert set(world.status().values()) == {"running"}
        for process in world.world.processes:
            assert psutil.Process(world.admin_pid(process)).memory_info().rss < 120 << 20
        world.simulator("down")
        assert processes_of(world.directory) == []
        assert listening(world.world.block) == []
        assert set(world.status().values()) == {"down"}
        world.simulator("down")
        before = world.world
        taken_meanwhile_and_a_strangers_id(world)
        world.simulator("up", "--detach")
        assert World.load(world.directory) == before
        assert set(world.status().values()) == {"running"}
        os.kill(world.admin_pid("us-ashburn-1"), signal.SIGKILL)
        world.simulator("down")
        assert processes_of(world.directory) == []
        assert listening(world.world.block) == []


def taken_meanwhile_and_a_strangers_id(world: RunningWorld) -> None:
    """Of a world that is down: an address is taken; and an id in a record was given to another's process."""
    link = world.world.regions["us-phoenix-1"].link
    with socket.create_server((link.host, link.port)):
        assert f"{link} is taken" in one_line(world.simulator("up", "--detach", code=2))
        assert processes_of(world.directory) == []
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as stranger:
        genuine = ProcessRecord.of(stranger.pid)
        assert genuine is not None
        replace(genuine, started=genuine.started - 1).write(world.world.home_of("edge"))
        assert world.status()["edge"] == "dead"
        world.simulator("down")
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_env_is_what_a_shell_takes(world: RunningWorld) -> None:
    lines = world.simulator("env", "--user", "platform-lead").stdout.splitlines()
    exports = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    assert exports["OCI_CLI_PROFILE"] == "platform-lead"
    assert Path(exports["OCI_CONFIG_FILE"]).stat().st_mode & 0o777 == 0o600
    assert exports["FITTRACK_RESOLVERS"].count(":5353") == 2
    assert Path(exports["FITTRACK_CLOCK"]).exists()
    assert Path(exports["FITTRACK_CA_FILE"]).read_text().startswith("-----BEGIN CERTIFICATE")
    assert "SSL_CERT_FILE" not in exports
    assert world.config("dba")["fittrack_endpoint.us-ashburn-1"] == world.world.regions["us-ashburn-1"].api.url
    assert world.world.key_file("dba").stat().st_mode & 0o777 == 0o600
    assert "nobody" in one_line(world.simulator("env", "--user", "nobody", code=2))


def test_a_world_that_is_up_is_not_started_again(world: RunningWorld) -> None:
    line = one_line(world.simulator("up", "--detach", code=2))
    assert "already up" in line


def test_taken_addresses_are_one_clear_line_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.create_server(("127.13.57.65", 1522)):
        done = run_simulator("--dir", str(tmp_path / "w"), "up", "--detach", "--block", "127.13.57", code=2)
    assert "127.13.57.65:1522 is taken" in one_line(done)
    assert list(tmp_path.iterdir()) == []
    done = run_simulator("--dir", str(tmp_path / "w"), "up", "--detach", "--block", "10.0.0", code=2)
    assert "127.A.B" in one_line(done)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("status",), "no world here"),
        (("down",), "no world here"),
        (("lose", "us-ashburn-1"), "no world here"),
        (("snapshot", "save", "a"), "no world here"),
    ],
)
def test_without_a_world_commands_say_so(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in one_line(run_simulator("--dir", str(tmp_path / "none"), *arguments, code=2))


def test_a_broken_world_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("{")
    assert "world.json" in one_line(run_simulator("--dir", str(tmp_path), "status", code=2))
    (tmp_path / "world.json").write_text("{}")
    assert "not a world of this version" in one_line(run_simulator("--dir", str(tmp_path), "status", code=2))


def test_unknown_names_are_refused(world: RunningWorld) -> None:
    assert "us-mars-1" in one_line(world.simulator("lose", "us-mars-1", code=2))
    assert "us-mars-1" in one_line(world.simulator("return", "us-mars-1", code=2))
    assert "us-mars-1" in one_line(world.simulator("fault", "clear", "us-mars-1", code=2))
    assert "no fault" in one_line(world.simulator("fault", "clear", "us-ashburn-1", "none", code=2))
    assert "no duration" in one_line(world.simulator("fault", "slow", "us-ashburn-1", "none", code=2))
    assert "none of that name" in one_line(world.simulator("snapshot", "restore", "none", code=2))


def test_a_killed_process_is_seen_and_comes_back(world: RunningWorld) -> None:
    os.kill(world.admin_pid("us-ashburn-1"), signal.SIGKILL)
    wait_until(lambda: world.status()["us-ashburn-1"] == "dead")
    assert world.status()["us-phoenix-1"] == "running"
    assert "does not run" in one_line(world.simulator("lose", "us-ashburn-1", code=2))
    assert "us-ashburn-1 dead" in one_line(world.simulator("up", "--detach", code=2))
    world.simulator("return", "us-ashburn-1")
    assert set(world.status().values()) == {"running"}


def test_in_the_foreground_ctrl_c_stops_the_world(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulator", "--dir", str(tmp_path / "w"), "up"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert "ready" in up.stdout.readline()
        world = World.load(tmp_path / "w")
        assert len(processes_of(tmp_path / "w")) >= 3
        up.send_signal(signal.SIGINT)
        assert "world stopped" in up.stdout.read()
        assert up.wait(30) == 0
    assert processes_of(tmp_path / "w") == []
    assert listening(world.block) == []


def test_the_clock_is_shown_set_and_moved(world: RunningWorld) -> None:
    world.simulator("clock", "rate", "0")
    before = world.clock.now()
    assert world.simulator("clock", "show").stdout.split()[0] == before.isoformat()
    world.simulator("clock", "jump", "3600")
    assert (world.clock.now() - before).total_seconds() == 3600
    world.simulator("clock", "rate", "60")
    assert json.loads(world.simulator("status", "--json").stdout)["rate"] == 60
    world.simulator("clock", "rate", "--", "-1", code=2)
    world.simulator("clock", "rate", "1")
