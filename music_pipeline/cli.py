"""The command `music-pipeline`: what an operator does at a terminal.

Each command is in `music_pipeline.commands`, and is thin: it reads its arguments, calls one of the rooms, prints. Here
are the options of all, and what becomes of an error.
"""

import os
import sys
from collections.abc import Sequence

import click
import sqlalchemy as sa

from music_pipeline.commands.credential import credentials
from music_pipeline.commands.data import db, env
from music_pipeline.commands.dead import cancel, dead
from music_pipeline.commands.decision import held, review
from music_pipeline.commands.discovery import discover
from music_pipeline.commands.enrichment import errors, reprocess_command, source_group
from music_pipeline.commands.export import digest, export
from music_pipeline.commands.health import doctor
from music_pipeline.commands.own_value import precedence, set_field, unset_field
from music_pipeline.commands.planning import plan
from music_pipeline.commands.sandboxed import demo, sandbox
from music_pipeline.commands.status import status
from music_pipeline.credentials import CredentialError
from music_pipeline.database import DatabaseUnreachable, MigrationError
from music_pipeline.demo_home import point_at_demo
from music_pipeline.embedded_postgres import EmbeddedPostgresError
from music_pipeline.providers.errors import ProviderError
from music_pipeline.settings import SettingError
from music_pipeline.work import InvalidPayload, NothingSelected

EXPECTED = (
    DatabaseUnreachable,
    MigrationError,
    EmbeddedPostgresError,
    SettingError,
    CredentialError,
    InvalidPayload,
    NothingSelected,
    ProviderError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--demo", "of_demo", is_flag=True, help="Look at the data that the last `make demo` left.")
@click.version_option(package_name="music-pipeline")
@click.pass_context
def music_pipeline(context: click.Context, of_demo: bool) -> None:
    """Artists, their releases, tracks and producers: ask for them, and see how the pipeline stands."""
    recorded = point_at_demo() if of_demo else None
    if recorded is not None:
        context.default_map = {"sandbox": recorded.options_at(os.environ["MUSIC_SANDBOX_URL"])}


for command in (
    cancel, credentials, db, dead, demo, digest, discover, doctor, env, errors, export, held, plan, precedence,
    reprocess_command, review, sandbox, set_field, source_group, status, unset_field,
):  # fmt: skip
    music_pipeline.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; answer the exit code: 0, 1 for an error that its line explains, 2 for a misuse."""
    try:
        code = music_pipeline.main(args=list(arguments), prog_name="music-pipeline", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed("Interrupted.", code=130)
    except EXPECTED as error:
        return _failed(str(error))
    except sa.exc.DBAPIError as error:
        return _failed(_database_text(error))
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _failed(text: str, *, code: int = 1) -> int:
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    return code


def _database_text(error: sa.exc.DBAPIError) -> str:
    if isinstance(error, sa.exc.OperationalError) and error.connection_invalidated:
        return f"The connection to Postgres was lost: {error.orig}"
    return f"Postgres: {error.orig}"


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
