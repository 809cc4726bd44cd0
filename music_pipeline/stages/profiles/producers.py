"""Stage `social_enrichment`: where else a producer is to be found, by evidence only, and how many follow him there.

Evidence is a page about exactly this person, found by a provider's id: MusicBrainz's url relationships, Discogs's
addresses, the accounts that Genius's page names. Nobody is searched for by name.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.profiles import (
    Followers,
    FoundProfile,
    Producer,
    ProfileAnswer,
    ProfileOutcome,
    known_followers,
    known_profiles,
    producer_to_look_up,
    profiles_version,
    read_address,
    write_profiles,
)
from music_pipeline.database.queries import query
from music_pipeline.gateway.errors import CredentialsMissing, EndpointGone, ProviderError, ProviderRefused
from music_pipeline.providers.availability import missing_settings
from music_pipeline.providers.instagram import InstagramAccount, is_handle
from music_pipeline.providers.registry import PROVIDERS, Providers
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, Origin, Stage, WorkItem
from music_pipeline.worker.paging import disagreement
from music_pipeline.worker.stage import (
    Impossible,
    Reading,
    Result,
    StageContext,
    Trouble,
    fresh_since,
    one_by_one,
    worst,
)

EVIDENCE_DAYS = 30
FOLLOWERS_HOURS = 24
MOST_HANDLES = 3
INSTAGRAM = "instagram"


@dataclass(frozen=True, slots=True)
class Page:
    """What a provider's page about a person gives."""

    evidence: str
    urls: tuple[str, ...]


Look = Callable[[Providers, str, WorkItem], Awaitable[Page | None]]
"""A person's page by the provider's id; None where there is none."""


async def _musicbrainz(providers: Providers, mbid: str, item: WorkItem) -> Page | None:
    artist = await providers.musicbrainz.artist(mbid, fresh_since=fresh_since(item))
    return None if artist is None else Page(f"https://musicbrainz.org/artist/{artist.mbid}", artist.urls)


async def _discogs(providers: Providers, discogs_id: str, item: WorkItem) -> Page | None:
    artist = await providers.discogs.artist(discogs_id, fresh_since=fresh_since(item))
    return None if artist is None else Page(f"https://www.discogs.com/artist/{artist.id}", artist.urls)


async def _genius(providers: Providers, genius_id: str, item: WorkItem) -> Page | None:
    artist = await providers.genius.artist(genius_id, fresh_since=fresh_since(item))
    if artist is None:
        return None
    page = artist.urls.get("genius", f"https://api.genius.com/artists/{artist.id}")
    return Page(page, tuple(artist.urls.values()))


LOOK: Mapping[str, tuple[Look, float]] = {"musicbrainz": (_musicbrainz, 0.95), "discogs": (_discogs, 0.9),
                                          "genius": (_genius, 0.85)}  # fmt: skip
"""How a provider is asked, and how sure it is of the addresses on its pages."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one provider said of a producer. `trouble`: why it is to be asked again."""

    answer: ProfileAnswer
    profiles: tuple[FoundProfile, ...] = ()
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Who follows one handle. `trouble`: why it is to be asked again."""

    followers: Followers
    trouble: Trouble | None = None


async def _read(context: StageContext, item: WorkItem) -> Reading:
    producer_id = item.payload["producerId"]
    producer = await context.in_database(lambda connection: producer_to_look_up(connection, producer_id))
    if producer is None:
        raise Impossible(f"The catalogue has no producer {producer_id}.")
    looked = [await _look(context, item, producer, provider) for provider in LOOK]
    found = [profile for one in looked for profile in one.profiles]
    handles = await context.in_database(lambda connection: _handles(connection, producer, found))
    counted = [await _count(context, item, handle, before) for handle, before in handles.items()]
    write = partial(_write, item=item, producer=producer, looked=looked, counted=counted)
    troubles = [one.trouble for one in looked] + [one.trouble for one in counted]
    return Reading(write, worst(troubles))


read_stage = one_by_one(_read)


async def _look(context: StageContext, item: WorkItem, producer: Producer, provider: str) -> Looked:
    """All that the provider's pages about the producer give; an error of its stops no other."""
    look, confidence = LOOK[provider]
    ids = [(id, sure) for (name, id), sure in producer.ids if name == provider]
    if not ids:
        return Looked(ProfileAnswer(provider, "skipped", error=f"Nobody links {producer.name} to {provider}."))
    profiles: list[FoundProfile] = []
    denied = False
    try:
        for id, sure in ids:
            page = await look(context.providers, id, item)
            profiles += _profiles(provider, page, confidence * sure) if page is not None else ()
            denied = denied or page is None
    except ProviderError as error:
        outcome, trouble = _meaning(error)
        return Looked(ProfileAnswer(provider, outcome, error=str(error)), (), trouble)
    once = tuple({one.url: one for one in profiles}.values())
    doubt = disagreement(item, provider, f"what it has of {producer.name}") if denied else None
    return Looked(ProfileAnswer(provider, "found" if once else "absent", len(once)), once, doubt)


def _meaning(error: ProviderError) -> tuple[Literal["skipped", "failed"], Trouble | None]:
    """What a provider's error is to be called, and whether it is a reason to ask again."""
    if isinstance(error, CredentialsMissing | EndpointGone):
        return "skipped", None
    return "failed", None if isinstance(error, ProviderRefused) else error


def _profiles(provider: str, page: Page, confidence: float) -> list[FoundProfile]:
    addresses = [address for url in page.urls if (address := read_address(url)) is not None]
    return [FoundProfile(one.url, provider, one.service, one.handle, page.evidence, confidence) for one in addresses]


def _handles(connection: sa.Connection, producer: Producer, found: Sequence[FoundProfile]) -> dict[str, int | None]:
    """The Instagram handles that evidence gives, now or before, the surest first; with the last count of each."""
    given = sorted([*found, *known_profiles(connection, producer.producer_id)], key=lambda one: -one.confidence)
    handles = [one.handle for one in given if one.service == INSTAGRAM and one.handle and is_handle(one.handle)]
    before = known_followers(connection, producer.producer_id, INSTAGRAM)
    return {handle: before.get(handle) for handle in list(dict.fromkeys(handles))[:MOST_HANDLES]}


async def _count(context: StageContext, item: WorkItem, handle: str, before: int | None) -> Counted:
    try:
        account = await context.providers.instagram.business(handle, fresh_since=fresh_since(item))
    except ProviderError as error:
        outcome, trouble = _meaning(error)
        return Counted(_not_counted(handle, outcome, str(error)), trouble)
    return Counted(believed(handle, account, before, at=datetime.now(UTC)))


def believed(handle: str, account: InstagramAccount | None, before: int | None, *, at: datetime) -> Followers:
    """What Instagram's answer is worth, after the last count that was believed: 0 after a positive one is an error."""
    if account is None:
        return _not_counted(handle, "absent", None)
    if account.followers_count is None:
        return _not_counted(handle, "failed", f"Instagram gives no count for {handle}.")
    if account.followers_count == 0 and before:
        return _not_counted(handle, "failed", f"Instagram says 0 after {before}: that is not believed.")
    return Followers(INSTAGRAM, handle, account.followers_count, at, "found")


def _not_counted(handle: str, outcome: ProfileOutcome, error: str | None) -> Followers:
    return Followers(INSTAGRAM, handle, None, None, outcome, error)


def _write(
    connection: sa.Connection,
    *,
    item: WorkItem,
    producer: Producer,
    looked: Sequence[Looked],
    counted: Sequence[Counted],
) -> Result:
    before = profiles_version(connection, producer.producer_id)
    found = [profile for one in looked for profile in one.profiles]
    followers = [one.followers for one in counted]
    answers = write_profiles(connection, producer.producer_id, found, [one.answer for one in looked], followers)
    after = profiles_version(connection, producer.producer_id)
    counts = {one.handle: one.followers for one in followers if one.followers is not None}
    return Result(
        artist_key=None,
        version=after,
        changed=before != after,
        text=f"{producer.name}: {after.rows} addresses, followers of {len(counts)} of {len(followers)} handles",
        detail={"profiles": after.rows, "followers": counts, "answers": {one.provider: one.outcome for one in answers}},
        notes=tuple(_errors(answers, followers)),
    )


def _errors(answers: Sequence[ProfileAnswer], followers: Sequence[Followers]) -> list[tuple[str, str]]:
    bad = [(one.provider, one.error) for one in answers if one.outcome in ("failed", "suspect")]
    bad += [(one.service, one.error) for one in followers if one.outcome == "failed"]
    return [(provider, error) for provider, error in bad if error is not None]


def look_ups_of_artist(connection: sa.Connection, artist_id: UUID, item: WorkItem) -> tuple[EnqueueRequest, ...]:
    """The work on the artist's producers whom nobody looked up yet."""
    rows = connection.execute(query("producers_without_look_up"), {"artist_id": artist_id})
    return tuple(
        _request(row.producer_id, row.name, origin=item.origin, window=item.cutoff, correlation_id=item.correlation_id)
        for row in rows
    )


def enqueue_due(engine: sa.Engine, *, limit: int = 1_000) -> int:
    """Enqueue producers whose profiles or followers are to be looked up (again); answers how many were."""
    with engine.begin() as connection:
        now: datetime = connection.execute(query("database_now")).scalar_one()
        rows = _due(connection, with_skipped=_has_instagram(engine), limit=limit)
        requests = [_request(row.producer_id, row.name, origin="batch", window=now) for row in rows]
        return len(enqueue_many(connection, requests))


def is_due(engine: sa.Engine) -> bool:
    """Whether there is a producer to be looked up (again) without work on it."""
    with engine.connect() as connection:
        return bool(_due(connection, with_skipped=_has_instagram(engine), limit=1))


def _due(connection: sa.Connection, *, with_skipped: bool, limit: int) -> Sequence[sa.Row[Any]]:
    values = {
        "evidence_days": EVIDENCE_DAYS,
        "followers_hours": FOLLOWERS_HOURS,
        "with_skipped": with_skipped,
        "limit": limit,
    }
    return connection.execute(query("producers_due_for_look_up"), values).all()


def _has_instagram(engine: sa.Engine) -> bool:
    """Whether counts that were skipped for lack of credentials can be had by now."""
    return not missing_settings(engine, PROVIDERS[INSTAGRAM])


def _request(
    producer_id: UUID, name: str, *, origin: Origin, window: datetime, correlation_id: str | None = None
) -> EnqueueRequest:
    return EnqueueRequest(
        stage=Stage.SOCIAL_ENRICHMENT,
        payload={"producerId": str(producer_id), "producerName": name},
        subject=str(producer_id),
        idempotency_key=f"{Stage.SOCIAL_ENRICHMENT}:{producer_id}:{window.isoformat()}",
        origin=origin,
        correlation_id=correlation_id,
    )
