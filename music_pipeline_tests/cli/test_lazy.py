"""What the command line loads: the list of the commands, and of these the one that is called."""

import subprocess
import sys

import click
import pytest

from music_pipeline.cli.main import COMMANDS
from music_pipeline.settings import PROJECT

HELP = """
import sys
from music_pipeline.cli.main import run
assert run(["--help"]) == 0
print("LOADED", *sys.modules)
"""
WORKING = ("aiohttp", "dagster", "httpx", "psycopg", "pydantic", "rich", "spotipy", "sqlalchemy", "structlog")


def test_help_lists_all_commands_and_loads_none() -> None:
    helping = subprocess.run([sys.executable, "-c", HELP], cwd=PROJECT, capture_output=True, text=True, check=True)
    shown, loaded = helping.stdout.split("LOADED")
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert [name for name in WORKING if name in loaded.split()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says_first(name: str) -> None:
    command = COMMANDS[name].load()
    assert isinstance(command, click.Command)
    assert command.name == name
    assert COMMANDS[name].text == " ".join((command.help or "").split("\n\n")[0].split())
