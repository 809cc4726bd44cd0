"""The `credentials` command.

It reads secrets from a prompt or stdin, never from an argument, and shows none.
"""

import asyncio
import sys

import click

from music_pipeline import credentials as store
from music_pipeline.cli.terminal import open_database, utc_time
from music_pipeline.gateway.errors import CredentialsMissing, ProviderError
from music_pipeline.providers.registry import PROVIDERS

NAMES = sorted({name for provider in PROVIDERS.values() for name in provider.credentials})


@click.group()
def credentials() -> None:
    """The credentials of the providers. Stored ones are encrypted, and win over the environment."""


@credentials.command("set")
@click.argument("name", type=click.Choice(NAMES, case_sensitive=False))
def set_credential(name: str) -> None:
    """Store a secret, read from a prompt or from stdin."""
    engine = open_database()
    interactive = sys.stdin.isatty()
    secret = click.prompt(name, hide_input=True) if interactive else sys.stdin.readline()
    store.store(engine, name, secret)
    click.echo(f"{name} is stored.")


@credentials.command("list")
def list_credentials() -> None:
    """List the credentials and where they are, without the secrets."""
    engine = open_database()
    stored = store.names(engine)
    for name in sorted({*NAMES, *stored}):
        click.echo(f"{name}: {_where(name, utc_time(stored.get(name)), store.read(engine, name))}")


def _where(name: str, stored_at: str | None, secret: str | None) -> str:
    if stored_at:
        return f"stored since {stored_at} UTC"
    return "in the environment" if secret else f"missing (music-pipeline credentials set {name})"


@credentials.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete a stored secret."""
    if not store.remove(open_database(), name):
        raise click.ClickException(f"{name} is not stored.")
    click.echo(f"{name} is deleted.")


@credentials.command()
def rotate() -> None:
    """Encrypt all stored secrets with a new key."""
    click.echo(f"{store.rotate(open_database())} secrets are encrypted with a new key.")


@credentials.command("test")
@click.argument("providers", nargs=-1, type=click.Choice(list(PROVIDERS)))
def test_credentials(providers: tuple[str, ...]) -> None:
    """Make one cheap call to each provider, or to the named ones, and say whether it answers (otherwise exit code 1).

    A provider with a monthly quota is called only if it is named.
    """
    from music_pipeline.providers.probe import try_provider  # the clients are slow to load

    engine = open_database()
    failed = False
    for name in providers or PROVIDERS:
        if name not in providers and PROVIDERS[name].monthly_quota is not None:
            click.echo(f"{name}: not called, since it has a monthly quota. Name it to call it.")
            continue
        try:
            asyncio.run(try_provider(engine, name))
        except CredentialsMissing as error:
            click.echo(f"{name}: skipped, {error.text}")
            failed = failed or name in providers
        except ProviderError as error:
            click.echo(f"{name}: FAILED, {error.text}")
            failed = True
        else:
            click.echo(f"{name}: answers")
    if failed:
        raise click.exceptions.Exit(1)
