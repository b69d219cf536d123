"""``python -m application.migrate``: bring the database's schema to a revision.

Usage: ``upgrade REVISION``, ``downgrade REVISION``, ``current``, ``heads``. The database comes from the environment, as
for the API. Exits with 0 done, 1 failed, 2 usage or settings.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from application import log
from application.database import UNAVAILABLE, explain, open_engine, revision
from application.settings import database_settings, read_or_exit

_DDL_SECONDS = 120.0


def configuration(engine: Engine | None = None) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    return config


def head() -> str:
    """The newest revision among the migrations."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


def _act(action: str, target: str | None, engine: Engine) -> None:
    if action == "upgrade":
        command.upgrade(configuration(engine), target or "head")
    elif action == "downgrade":
        command.downgrade(configuration(engine), target or "base")
    with engine.connect() as connection:
        sys.stdout.write(f"{revision(connection) or 'base'}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. The revision that the database has afterwards goes to standard output."""
    parser = argparse.ArgumentParser(prog="python -m application.migrate")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("upgrade", help="go up to REVISION").add_argument("revision", metavar="REVISION")
    actions.add_parser("downgrade", help="go down to REVISION").add_argument("revision", metavar="REVISION")
    actions.add_parser("current", help="show the database's revision")
    actions.add_parser("heads", help="show the newest revision of this version")
    chosen = parser.parse_args(arguments)
    if chosen.action == "heads":
        sys.stdout.write(f"{head()}\n")
        return 0
    settings = read_or_exit("application.migrate", database_settings, os.environ)
    log.configure(logging.WARNING)
    engine = open_engine(settings, call_seconds=_DDL_SECONDS)
    try:
        _act(chosen.action, getattr(chosen, "revision", None), engine)
    except (*UNAVAILABLE, CommandError) as error:
        sys.stderr.write(f"application.migrate: {chosen.action} failed: {explain(error)}\n")
        return 1
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
