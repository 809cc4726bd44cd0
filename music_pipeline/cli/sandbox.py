"""The `sandbox` and `demo` commands: run against emulated providers."""

from typing import Any

import click

from music_pipeline.cli.terminal import errors_as_messages
from music_pipeline.sandbox.command import serve, with_sandbox_options
from music_pipeline.sandbox.options import OptionError


@click.command()
@with_sandbox_options
def sandbox(**chosen: Any) -> None:
    """Serve all providers on the loopback address until interrupted. The first line says where.

    `music-pipeline --demo sandbox` serves the last demo's providers again, at the same address.
    """
    with errors_as_messages(OptionError, OSError):
        serve(**chosen)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Run the main job end to end against a sandbox, on its own data, like `make demo`. See demo --help."""
    from music_pipeline.demo.run import main

    raise click.exceptions.Exit(main(list(arguments)))
