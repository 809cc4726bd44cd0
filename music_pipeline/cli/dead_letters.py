"""The `dead` and `cancel` commands."""

from uuid import UUID

import click

from music_pipeline.cli.terminal import current_user, open_database, show_table, utc_time
from music_pipeline.work import dead_letters
from music_pipeline.work.model import Selector, Stage, StopReason
from music_pipeline.work.stages import STAGES

STAGE = click.option("--stage", type=click.Choice([stage.value for stage in STAGES]), help="Work of this stage.")
ARTIST = click.option("--artist", help="Work of this artist: key, requested name or id.")
REASON = click.option(
    "--reason", type=click.Choice([one.value for one in StopReason]), help="Work that is dead for this reason."
)
WORK_IDS = click.argument("work_ids", nargs=-1, type=click.UUID)


def _selector(work_ids: tuple[UUID, ...], stage: str | None, artist: str | None, reason: str | None = None) -> Selector:
    return Selector(
        work_ids=work_ids or None,
        stage=Stage(stage) if stage else None,
        artist=artist,
        stop_reason=StopReason(reason) if reason else None,
    )


@click.group()
def dead() -> None:
    """Work that was given up: list it, requeue it, or delete it."""


@dead.command("list")
@WORK_IDS
@STAGE
@ARTIST
@REASON
def list_dead(work_ids: tuple[UUID, ...], stage: str | None, artist: str | None, reason: str | None) -> None:
    """List dead work, latest first."""
    found = dead_letters.list_dead(open_database(), _selector(work_ids, stage, artist, reason))
    if not found:
        click.echo("No work is dead.")
        return
    rows = [
        (one.work_id, one.stage, one.partition_key or one.subject, one.stop_reason, one.attempts, one.provider,
         utc_time(one.buried_at), one.error)
        for one in found
    ]  # fmt: skip
    show_table("Dead work (UTC)", ("id", "stage", "artist", "reason", "attempts", "provider", "since", "error"), rows)


@dead.command()
@WORK_IDS
@STAGE
@ARTIST
@REASON
def requeue(work_ids: tuple[UUID, ...], stage: str | None, artist: str | None, reason: str | None) -> None:
    """Requeue dead work, with its attempts reset."""
    answers = dead_letters.requeue(open_database(), _selector(work_ids, stage, artist, reason))
    for answer in answers:
        click.echo(f"{answer.work_id}: {'requeued' if answer.answer == 'created' else 'its subject is open already'}")
    _refuse_none(len(answers))


@dead.command()
@WORK_IDS
@STAGE
@ARTIST
@REASON
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(work_ids: tuple[UUID, ...], stage: str | None, artist: str | None, reason: str | None, yes: bool) -> None:
    """Delete dead work for good."""
    engine = open_database()
    selector = _selector(work_ids, stage, artist, reason)
    found = len(dead_letters.list_dead(engine, selector))
    _refuse_none(found)
    if not yes:
        click.confirm(f"Delete {found} pieces of dead work for good?", abort=True)
    click.echo(f"{dead_letters.purge(engine, selector)} deleted.")


@click.command()
@WORK_IDS
@STAGE
@ARTIST
@click.option("--why", help="The reason, for the record.")
def cancel(work_ids: tuple[UUID, ...], stage: str | None, artist: str | None, why: str | None) -> None:
    """Cancel open work by id, stage or artist. A run that is working on it does not commit."""
    by = f"Cancelled by {current_user()}"
    cancelled = dead_letters.cancel(
        open_database(), _selector(work_ids, stage, artist), why=f"{by}: {why}" if why else f"{by}."
    )
    for one in cancelled:
        click.echo(f"{one.work_id}: {one.stage} of {one.partition_key or one.subject} is cancelled")
    _refuse_none(len(cancelled))


def _refuse_none(count: int) -> None:
    if count == 0:
        raise click.ClickException("No such work.")
