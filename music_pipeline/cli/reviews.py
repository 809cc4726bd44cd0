"""The `review` and `held` commands: what only a person can decide."""

import json

import click

from music_pipeline.actions import decide as deciding
from music_pipeline.catalog import reviews
from music_pipeline.catalog.reviews import Decision, DecisionError
from music_pipeline.cli.terminal import current_user, errors_as_messages, open_database, show_table, utc_time

WHY = click.option("--why", help="The reason, for the record.")
ALL = click.option("--all", "all_of_them", is_flag=True, help="Decided ones too.")


@click.group()
def review() -> None:
    """Ambiguous identities: show the candidates, and decide who is meant."""


@review.command("list")
@ALL
def list_reviews(all_of_them: bool) -> None:
    """List ambiguous identities."""
    with open_database().connect() as connection:
        found = reviews.reviews(connection, None if all_of_them else "open")
    if not found:
        click.echo("Nothing is ambiguous.")
        return
    rows = [
        (
            one.review_id,
            one.kind,
            one.question,
            len(one.candidates),
            one.status,
            one.chosen_id,
            utc_time(one.created_at),
        )
        for one in found
    ]
    show_table("Reviews (UTC)", ("id", "kind", "question", "candidates", "status", "chosen", "since"), rows)


@review.command("show")
@click.argument("review_id")
def show_review(review_id: str) -> None:
    """Show a review's candidates and evidence. The first characters of its id suffice."""
    with errors_as_messages(DecisionError), open_database().connect() as connection:
        found = reviews.review(connection, review_id)
    click.echo(f"{found.question} ({found.kind}, {found.status})")
    columns = list(dict.fromkeys(key for candidate in found.candidates for key in candidate))
    rows = [
        (number, *(_cell(candidate.get(column)) for column in columns))
        for number, candidate in enumerate(found.candidates, start=1)
    ]
    show_table("Candidates", ("", *columns), rows)
    for fact in found.evidence:
        click.echo("- " + ": ".join(str(value) for value in fact.values()))
    if found.decided_by:
        reason = f": {found.decided_why}" if found.decided_why else ""
        click.echo(f"{found.status} by {found.decided_by} at {utc_time(found.decided_at)} UTC{reason}")


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


@review.command("accept")
@click.argument("review_id")
@click.argument("candidate")
@WHY
def accept_review(review_id: str, candidate: str, why: str | None) -> None:
    """Choose a CANDIDATE by its number or id. The work that had stopped there is enqueued again."""
    engine = open_database()
    with errors_as_messages(DecisionError):
        enqueued = deciding.accept_review(engine, review_id, candidate, Decision(current_user(), why))
    click.echo(f"Decision; work {enqueued.work_id} is enqueued.")


@review.command("reject")
@click.argument("review_id")
@WHY
def reject_review(review_id: str, why: str | None) -> None:
    """Decide that none of the candidates is meant."""
    engine = open_database()
    with errors_as_messages(DecisionError):
        rejected = deciding.reject_review(engine, review_id, Decision(current_user(), why))
    click.echo(f"Decision: none of the {len(rejected.candidates)} candidates is meant.")


@click.group()
def held() -> None:
    """Implausibly large losses: list them, and decide."""


@held.command("list")
@ALL
def list_held(all_of_them: bool) -> None:
    """List the held losses."""
    with open_database().connect() as connection:
        found = reviews.held_changes(connection, None if all_of_them else "held")
    if not found:
        click.echo("Nothing is held.")
        return
    rows = [
        (one.held_id, one.artist_key, one.entity, len(one.row_keys), one.known, one.status, utc_time(one.created_at),
         one.reason)
        for one in found
    ]  # fmt: skip
    show_table("Held losses (UTC)", ("id", "artist", "of", "lost", "known", "status", "since", "reason"), rows)


@held.command("accept")
@click.argument("held_id")
@WHY
def accept_held(held_id: str, why: str | None) -> None:
    """Accept a loss: its rows become inactive, with the reason."""
    engine = open_database()
    with errors_as_messages(DecisionError):
        done = deciding.accept_held(engine, held_id, Decision(current_user(), why))
    click.echo(f"{len(done.row_keys)} rows of {done.entity} of {done.artist_key} are inactive.")


@held.command("reject")
@click.argument("held_id")
@WHY
def reject_held(held_id: str, why: str | None) -> None:
    """Reject a loss: its rows stay, even if they are missing again."""
    engine = open_database()
    with errors_as_messages(DecisionError):
        done = deciding.reject_held(engine, held_id, Decision(current_user(), why))
    click.echo(f"{len(done.row_keys)} rows of {done.entity} of {done.artist_key} stay.")
