"""`python -m music_pipeline.sandbox`: serve the providers on the loopback address until interrupted."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from music_pipeline.sandbox.command import options_of, serve, with_sandbox_options
from music_pipeline.sandbox.options import OptionError, SandboxOptions


@click.command()
@with_sandbox_options
def sandbox(**chosen: Any) -> None:
    """Serve all providers on the loopback address until interrupted; the first line printed says where."""
    try:
        serve(**chosen)
    except OptionError as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)


def parse_options(arguments: Sequence[str]) -> SandboxOptions:
    """Read a command line. Raises OptionError for values that make no sense, click.UsageError for unknown options."""
    return options_of(**sandbox.make_context("sandbox", list(arguments)).params)


if __name__ == "__main__":
    sandbox(prog_name="python -m music_pipeline.sandbox")
