"""The command `music-pipeline`: its commands, common options and errors.

This module holds the command list, the global options and the error handling. Each command is a thin function in a
module beside this one, and is loaded when it is called.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from music_pipeline.cli.lazy import Loadable, LoadingGroup

if TYPE_CHECKING:
    import sqlalchemy as sa

COMMANDS = {
    "cancel": Loadable(
        "dead_letters", "cancel",
        "Cancel open work by id, stage or artist. A run that is working on it does not commit.",
    ),
    "credentials": Loadable(
        "credentials", "credentials",
        "The credentials of the providers. Stored ones are encrypted, and win over the environment.",
    ),
    "db": Loadable("database", "db", "The database: its URL, a prompt, and its migrations."),
    "dead": Loadable("dead_letters", "dead", "Work that was given up: list it, requeue it, or delete it."),
    "demo": Loadable(
        "sandbox", "demo",
        "Run the main job end to end against a sandbox, on its own data, like `make demo`. See demo --help.",
    ),
    "digest": Loadable("export", "digest", "Print one hash per table over its facts, without ids and times."),
    "discover": Loadable(
        "discover", "discover",
        "Request artists by name, Spotify id, link or URI. Print each answer, and how long the open work will take.",
    ),
    "doctor": Loadable(
        "doctor", "doctor",
        "Check database, daemon, schedules, providers and disk. Say what is wrong and what to do (exit code 1).",
    ),
    "env": Loadable(
        "database", "env",
        'Print export lines that point plain `dagster` commands at this data: eval "$(music-pipeline env)".',
    ),
    "errors": Loadable("enrichment", "errors", "Show the failures by source and cause, and the skipped sources."),
    "export": Loadable(
        "export", "export",
        "Export a table or view: export credit_view --format parquet --out credits.parquet.",
    ),
    "held": Loadable("reviews", "held", "Implausibly large losses: list them, and decide."),
    "plan": Loadable(
        "plan", "plan",
        "Show the calls that open work needs of each provider, what is left of the quotas, and when it would be done.",
    ),
    "precedence": Loadable(
        "overrides", "precedence",
        "Which source wins a field. A change counts from the next read on, and calls no provider.",
    ),
    "reprocess": Loadable(
        "enrichment", "reprocess_command",
        "Fetch again what failed: reset its rows in one transaction, and enqueue its artists.",
    ),
    "review": Loadable("reviews", "review", "Ambiguous identities: show the candidates, and decide who is meant."),
    "sandbox": Loadable(
        "sandbox", "sandbox",
        "Serve all providers on the loopback address until interrupted. The first line says where.",
    ),
    "set": Loadable(
        "overrides", "set_field",
        "Set your own VALUE of a FIELD. It wins over every source until it is unset.",
    ),
    "source": Loadable(
        "enrichment", "source_group",
        "List the sources of enrichment, or undo what one gave.",
    ),
    "status": Loadable(
        "status", "status",
        "Show open, waiting and dead work, its obstacles, the sweeps in progress, and the catalogue with its age.",
    ),
    "unset": Loadable(
        "overrides", "unset_field",
        "Unset your own value of a FIELD. The sources' value is shown again.",
    ),
}  # fmt: skip


@click.group(
    cls=LoadingGroup,
    loadable=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--demo", "of_demo", is_flag=True, help="Use the data of the last `make demo`.")
@click.version_option(package_name="music-pipeline")
@click.pass_context
def music_pipeline(context: click.Context, of_demo: bool) -> None:
    """Artists, their releases, tracks and producers: request them, and watch the pipeline."""
    if of_demo:
        from music_pipeline.demo.home import demo_data
        from music_pipeline.settings import settings

        recorded, url = context.with_resource(demo_data()), settings().sandbox_url
        if recorded is not None and url is not None:
            context.default_map = {"sandbox": recorded.options_at(url)}


def run(arguments: Sequence[str]) -> int:
    """Run the command line. Returns 0, 1 for an explained error, or 2 for a misuse."""
    try:
        code = music_pipeline.main(args=list(arguments), prog_name="music-pipeline", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed("Interrupted.", code=130)
    except BrokenPipeError:
        # The reader of our output has gone. Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        text = _explanation(error)
        if text is None:
            raise
        return _failed(text)
    return code if isinstance(code, int) else 0


def _failed(text: str, *, code: int = 1) -> int:
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    return code


def _explanation(error: Exception) -> str | None:
    """The line that explains an expected error. None for a defect."""
    import sqlalchemy as sa

    from music_pipeline.credentials import CredentialError
    from music_pipeline.database.embedded import EmbeddedPostgresError
    from music_pipeline.database.errors import DatabaseUnreachable, MigrationError
    from music_pipeline.gateway.errors import ProviderError
    from music_pipeline.settings import SettingError
    from music_pipeline.work.dead_letters import NothingSelected
    from music_pipeline.work.payloads import InvalidPayload

    if isinstance(error, sa.exc.DBAPIError):
        return _database_text(error)
    expected = (
        DatabaseUnreachable, MigrationError, EmbeddedPostgresError, SettingError, CredentialError, InvalidPayload,
        NothingSelected, ProviderError,
    )  # fmt: skip
    return str(error) if isinstance(error, expected) else None


def _database_text(error: "sa.exc.DBAPIError") -> str:
    import sqlalchemy as sa

    if isinstance(error, sa.exc.OperationalError) and error.connection_invalidated:
        return f"The connection to Postgres was lost: {error.orig}"
    return f"Postgres: {error.orig}"


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
