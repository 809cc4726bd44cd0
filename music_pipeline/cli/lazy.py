"""How a command is loaded: when it is called, and not before, since most of them load a database and a client.

Which commands there are is `music_pipeline.cli`'s; here is the group of click's that knows them by their lines of help.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True)
class Loadable:
    """A command as the list of commands needs it: `module` of `music_pipeline.cli`, the name there, its help.

    `text` is the first paragraph of the command's own help.
    """

    module: str
    name: str
    text: str

    def load(self) -> click.Command:
        """The command itself."""
        command: click.Command = getattr(import_module(f"music_pipeline.cli.{self.module}"), self.name)
        return command


class LoadingGroup(click.Group):
    """A group whose commands are loaded one by one, each when it is called."""

    loadable: Mapping[str, Loadable]

    def __init__(self, *, loadable: Mapping[str, Loadable], **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.loadable = loadable

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.loadable)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.loadable[cmd_name].load() if cmd_name in self.loadable else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does it, with the lines that are known here."""
        described = {name: click.Command(name, help=one.text) for name, one in self.loadable.items()}
        click.Group(commands=described).format_commands(ctx, formatter)
