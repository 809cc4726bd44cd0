"""What a look-up returns: findings that add up, and that survive a setback. No database, no network."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.releases import HeldRelease
from music_pipeline.catalog.tracks import HeldTrack
from music_pipeline.gateway.errors import CredentialsMissing, OutOfTime, ProviderError, ProviderFailure, ProviderRefused
from music_pipeline.matching.releases import ReleaseFacts, TrackFacts
from music_pipeline.providers.discogs import DiscogsCredit, DiscogsRelease, DiscogsTrack
from music_pipeline.providers.records import NamedId
from music_pipeline.stages.credits.discogs import look_up_at_discogs
from music_pipeline.stages.credits.held_releases import HeldCatalogue, ReleaseToMatch
from music_pipeline.stages.credits.lookup import CreditLookup, Findings, attempt, sum_findings
from music_pipeline.work.model import Stage, WorkItem

ARTIST = Artist(uuid4(), "nina-simone", "Nina Simone", "spotify")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEM = WorkItem(
    uuid4(),
    Stage.PRODUCER_IDENTIFICATION,
    "s",
    "nina-simone",
    {},
    "manual",
    1,
    False,
    "c",
    "k",
    NOW,
    0,
    5,
    uuid4(),
    NOW,
)
TITLES = ("Wild Is the Wind", "Pastel Blues")


def release(title: str) -> ReleaseToMatch:
    """A held release of one track, of which Discogs's release of the same title is known."""
    release_id, recording_id = uuid4(), uuid4()
    song = f"Song of {title}"
    held = HeldRelease(release_id, title, title, "album", "1966", 1, None, None, "Nina Simone")
    track = HeldTrack(release_id, uuid4(), recording_id, 1, 1, song, 200_000, ("Nina Simone",), frozenset())
    facts = ReleaseFacts(title=title, artists=("Nina Simone",), released="1966", track_count=1, barcodes=frozenset(),
                         tracks=(TrackFacts(song, 200_000, frozenset()),))  # fmt: skip
    return ReleaseToMatch(held, (track,), facts)


class Discogs:
    """Answers with a release of the title that is asked for, or with its error."""

    def __init__(self, errors: dict[str, Exception | None]) -> None:
        self.errors = errors

    async def release(self, discogs_id: str, **_: object) -> DiscogsRelease | None:
        if discogs_id in self.errors:
            error = self.errors[discogs_id]
            if error is not None:
                raise error
            return None
        return discogs_release(discogs_id)


def lookup(errors: dict[str, Exception | None], item: WorkItem = ITEM) -> CreditLookup:
    releases = tuple(map(release, TITLES))
    context: Any = SimpleNamespace(providers=SimpleNamespace(discogs=Discogs(errors)))
    linked: dict[UUID, Sequence[str]] = {one.held.release_id: [one.held.title] for one in releases}
    return CreditLookup(context, item, HeldCatalogue(ARTIST, releases), frozenset(), linked)


def outcomes(findings: Findings) -> dict[tuple[str, str], str]:
    return {key: answer.outcome for key, answer in findings.answers.items()}


async def test_look_up_returns_credits_of_every_release() -> None:
    found = await look_up_at_discogs(lookup({}))
    assert {credit.person.name for credit in found.credits} == {"Hal Mooney"}
    assert len(found.credited) == 2
    assert found.places_read == {("discogs", title) for title in TITLES}
    assert outcomes(found) == {("discogs", "releases"): "found"}
    assert not found.setbacks


async def test_setback_keeps_what_was_found_before_it() -> None:
    failure = ProviderFailure("discogs", "release", "discogs: HTTP 500")
    found = await look_up_at_discogs(lookup({TITLES[0]: failure}))
    assert found.places_read == {("discogs", TITLES[1])}
    assert found.setbacks == {"discogs": failure}
    assert outcomes(found) == {("discogs", "releases"): "failed"}


@pytest.mark.parametrize(("attempts", "outcome", "has_setback"), [(0, "failed", True), (2, "partial", False)])
async def test_release_that_discogs_lacks_is_asked_for_twice_more(
    attempts: int, outcome: str, has_setback: bool
) -> None:
    found = await look_up_at_discogs(lookup({TITLES[0]: None}, replace(ITEM, attempts=attempts)))
    assert found.missing == {("discogs", TITLES[0])}
    assert len(found.credits) == 1
    assert outcomes(found) == {("discogs", "releases"): outcome}
    assert bool(found.setbacks) == has_setback


@pytest.mark.parametrize(
    ("error", "outcome", "has_setback", "notes"),
    [
        (CredentialsMissing("discogs", None, "set a token", until=NOW), "skipped", False, 0),
        (ProviderRefused("discogs", None, "refused"), "failed", False, 1),
        (ProviderFailure("discogs", None, "failed"), "failed", True, 0),
        (OutOfTime("over"), "failed", True, 0),
    ],
)
async def test_error_becomes_an_answer(
    error: ProviderError | OutOfTime, outcome: str, has_setback: bool, notes: int
) -> None:
    async def look_up(_: CreditLookup) -> Findings:
        raise error

    found = await attempt(lookup({}), "discogs", "releases", look_up)
    assert outcomes(found) == {("discogs", "releases"): outcome}
    assert bool(found.setbacks) == has_setback
    assert len(found.notes) == notes


async def test_of_two_answers_the_later_counts() -> None:
    one = lookup({})
    first, second = one.answered("genius", "songs", "ambiguous"), one.answered("genius", "songs", "failed", error="e")
    assert sum_findings([first, second]) == second
    assert sum_findings([]) == Findings()


async def test_findings_can_be_printed_and_compared() -> None:
    asked = lookup({})
    found = await look_up_at_discogs(asked)
    assert found == await look_up_at_discogs(asked)
    assert "Hal Mooney" in repr(found)


def discogs_release(title: str) -> DiscogsRelease:
    """Discogs's release of this title, with one producer."""
    producer = DiscogsCredit(person_id="1", name="Hal Mooney", anv=None, role="Producer", tracks=None)
    track = DiscogsTrack(position="1", title=f"Song of {title}", duration_ms=200_000, artists=(), credits=())
    return DiscogsRelease(
        id=title, title=title, artists=(NamedId("2", "Nina Simone"),), year=1966, released="1966", country=None,
        genres=(), styles=(), labels=(), barcodes=(), tracks=(track,), credits=(producer,),
    )  # fmt: skip
