"""A click group that loads a command only when it is called.

`main` lists the commands. This group shows their help without loading them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True)
class Loadable:
    """A command that is not loaded yet: its module in `music_pipeline.cli`, its name there, and its help.

    `text`: the first paragraph of the command's own help.
    """

    module: str
    name: str
    text: str

    def load(self) -> click.Command:
        """Import the command."""
        command: click.Command = getattr(import_module(f"music_pipeline.cli.{self.module}"), self.name)
        return command


class LoadingGroup(click.Group):
    """A group of commands that are loaded when they are called."""

    loadable: Mapping[str, Loadable]

    def __init__(self, *, loadable: Mapping[str, Loadable], **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.loadable = loadable

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.loadable)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.loadable[cmd_name].load() if cmd_name in self.loadable else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Format as click does, without loading any command."""
        described = {name: click.Command(name, help=one.text) for name, one in self.loadable.items()}
        click.Group(commands=described).format_commands(ctx, formatter)
