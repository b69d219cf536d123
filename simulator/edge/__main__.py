"""``python -m simulator.edge --dir WORLD``: the edge process, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from simulator.edge.process import Edge
from simulator.kernel.worldfile import World, WorldError


async def serve(world: World) -> None:
    """Run until a signal asks to stop, or the edge's agenda fails."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    edge = Edge(world)
    await edge.start()
    waits = [asyncio.ensure_future(stopping.wait()), asyncio.ensure_future(edge.failed())]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await edge.stop()
    for task in done:
        task.result()


def main() -> int:
    """Exit status 0 after a signal, 2 when the world cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m simulator.edge", description="The edge process of a world.")
    parser.add_argument("--dir", type=Path, default=Path(".world"), help="the world's directory")
    try:
        asyncio.run(serve(World.load(parser.parse_args().dir)))
    except (WorldError, OSError) as problem:
        sys.stderr.write(f"simulator.edge: {problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
