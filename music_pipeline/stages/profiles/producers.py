"""Stage `social_enrichment`: where else a producer is to be found, by evidence only, and the number of followers there.

Evidence is a page about exactly this person, found by a provider's id: MusicBrainz's url relationships, Discogs's
addresses, the accounts that Genius's page names. Nobody is searched for by name.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

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
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.concurrency import Setback, most_severe
from music_pipeline.worker.follow_ups import look_up_producer
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.paging import contradiction
from music_pipeline.worker.stage import Impossible, StageContext, StageData, StageResult, fresh_since

EVIDENCE_DAYS = 30
FOLLOWERS_HOURS = 24
MOST_HANDLES = 3
INSTAGRAM = "instagram"


@dataclass(frozen=True, slots=True)
class PersonPage:
    """The addresses that a provider's page about a person gives. `evidence`: the page's own address."""

    evidence: str
    urls: tuple[str, ...]


FetchPage = Callable[[Providers, str, WorkItem], Awaitable[PersonPage | None]]
"""Fetches a person's page by the provider's id. None: there is no such page."""


async def _fetch_from_musicbrainz(providers: Providers, mbid: str, item: WorkItem) -> PersonPage | None:
    artist = await providers.musicbrainz.artist(mbid, fresh_since=fresh_since(item))
    return None if artist is None else PersonPage(f"https://musicbrainz.org/artist/{artist.mbid}", artist.urls)


async def _fetch_from_discogs(providers: Providers, discogs_id: str, item: WorkItem) -> PersonPage | None:
    artist = await providers.discogs.artist(discogs_id, fresh_since=fresh_since(item))
    return None if artist is None else PersonPage(f"https://www.discogs.com/artist/{artist.id}", artist.urls)


async def _fetch_from_genius(providers: Providers, genius_id: str, item: WorkItem) -> PersonPage | None:
    artist = await providers.genius.artist(genius_id, fresh_since=fresh_since(item))
    if artist is None:
        return None
    page = artist.urls.get("genius", f"https://api.genius.com/artists/{artist.id}")
    return PersonPage(page, tuple(artist.urls.values()))


PAGES: Mapping[str, tuple[FetchPage, float]] = {
    "musicbrainz": (_fetch_from_musicbrainz, 0.95),
    "discogs": (_fetch_from_discogs, 0.9),
    "genius": (_fetch_from_genius, 0.85),
}
"""How a provider's page is fetched, and how sure the provider is of the addresses on it."""


@dataclass(frozen=True, slots=True)
class PageLookup:
    """What one provider gave for a producer. `setback`: why it is to be asked again."""

    answer: ProfileAnswer
    profiles: tuple[FoundProfile, ...] = ()
    setback: Setback | None = None


@dataclass(frozen=True, slots=True)
class FollowerCount:
    """The followers of one handle. `setback`: why they are to be counted again."""

    followers: Followers
    setback: Setback | None = None


@dataclass(frozen=True, slots=True)
class ProducerProfiles:
    """The profiles of a producer, how each provider answered, and the followers of each handle."""

    producer: Producer
    found: tuple[FoundProfile, ...]
    answers: tuple[ProfileAnswer, ...]
    followers: tuple[Followers, ...]


async def read(context: StageContext, item: WorkItem) -> StageData[ProducerProfiles]:
    """Read the pages about a producer, then count the followers of the handles on them."""
    producer_id = item.payload["producerId"]
    producer = await context.in_database(lambda connection: producer_to_look_up(connection, producer_id))
    if producer is None:
        raise Impossible(f"The catalogue has no producer {producer_id}.")
    looked_up = [await _look_up(context, item, producer, provider) for provider in PAGES]
    found = tuple(profile for lookup in looked_up for profile in lookup.profiles)
    handles = await context.in_database(lambda connection: _handles(connection, producer, found))
    counted = [await _count(context, item, handle, before) for handle, before in handles.items()]
    data = ProducerProfiles(
        producer,
        found,
        answers=tuple(lookup.answer for lookup in looked_up),
        followers=tuple(count.followers for count in counted),
    )
    return StageData(data, most_severe([part.setback for part in looked_up] + [part.setback for part in counted]))


async def _look_up(context: StageContext, item: WorkItem, producer: Producer, provider: str) -> PageLookup:
    """Read all of the provider's pages about the producer. Its errors stop no other provider."""
    fetch, confidence = PAGES[provider]
    ids = [(id, certainty) for (name, id), certainty in producer.ids if name == provider]
    if not ids:
        return PageLookup(ProfileAnswer(provider, "skipped", error=f"Nobody links {producer.name} to {provider}."))
    profiles: dict[str, FoundProfile] = {}
    is_missing = False
    try:
        for id, certainty in ids:
            page = await fetch(context.providers, id, item)
            is_missing = is_missing or page is None
            profiles |= {} if page is None else _profiles(provider, page, confidence * certainty)
    except ProviderError as error:
        outcome, setback = _meaning(error)
        return PageLookup(ProfileAnswer(provider, outcome, error=str(error)), (), setback)
    setback = contradiction(item, provider, f"what it has of {producer.name}") if is_missing else None
    answer = ProfileAnswer(provider, "found" if profiles else "absent", len(profiles))
    return PageLookup(answer, tuple(profiles.values()), setback)


def _meaning(error: ProviderError) -> tuple[Literal["skipped", "failed"], Setback | None]:
    """How a provider's error counts, and the setback if the provider is to be asked again."""
    if isinstance(error, CredentialsMissing | EndpointGone):
        return "skipped", None
    return "failed", None if isinstance(error, ProviderRefused) else error


def _profiles(provider: str, page: PersonPage, confidence: float) -> dict[str, FoundProfile]:
    """The profiles on a page, by address."""
    addresses = [address for url in page.urls if (address := read_address(url)) is not None]
    return {
        one.url: FoundProfile(one.url, provider, one.service, one.handle, page.evidence, confidence)
        for one in addresses
    }


def _handles(connection: sa.Connection, producer: Producer, found: Sequence[FoundProfile]) -> dict[str, int | None]:
    """The Instagram handles of present and former evidence, the surest first, with the last count of each."""
    profiles = sorted(
        [*found, *known_profiles(connection, producer.producer_id)], key=lambda profile: -profile.confidence
    )
    handles = [one.handle for one in profiles if one.service == INSTAGRAM and one.handle and is_handle(one.handle)]
    before = known_followers(connection, producer.producer_id, INSTAGRAM)
    return {handle: before.get(handle) for handle in list(dict.fromkeys(handles))[:MOST_HANDLES]}


async def _count(context: StageContext, item: WorkItem, handle: str, before: int | None) -> FollowerCount:
    try:
        account = await context.providers.instagram.business(handle, fresh_since=fresh_since(item))
    except ProviderError as error:
        outcome, setback = _meaning(error)
        return FollowerCount(_not_counted(handle, outcome, str(error)), setback)
    return FollowerCount(plausible_followers(handle, account, before, at=datetime.now(UTC)))


def plausible_followers(
    handle: str, account: InstagramAccount | None, before: int | None, *, at: datetime
) -> Followers:
    """The followers that Instagram names, if they are plausible: 0 after a positive count is an error."""
    if account is None:
        return _not_counted(handle, "absent", None)
    if account.followers_count is None:
        return _not_counted(handle, "failed", f"Instagram gives no count for {handle}.")
    if account.followers_count == 0 and before:
        return _not_counted(handle, "failed", f"Instagram says 0 after {before}: that is not believed.")
    return Followers(INSTAGRAM, handle, account.followers_count, at, "found")


def _not_counted(handle: str, outcome: ProfileOutcome, error: str | None) -> Followers:
    return Followers(INSTAGRAM, handle, None, None, outcome, error)


def store(connection: sa.Connection, item: WorkItem, profiles: ProducerProfiles) -> StageResult:
    """Write the profiles, the answers and the followers."""
    producer, followers = profiles.producer, profiles.followers
    before = profiles_version(connection, producer.producer_id)
    answers = write_profiles(connection, producer.producer_id, profiles.found, profiles.answers, followers)
    after = profiles_version(connection, producer.producer_id)
    counts = {one.handle: one.followers for one in followers if one.followers is not None}
    return StageResult(
        artist_key=None,
        version=after,
        status=Status.of_change(has_changed=before != after),
        text=f"{producer.name}: {after.rows} addresses, followers of {len(counts)} of {len(followers)} handles",
        detail={"profiles": after.rows, "followers": counts, "answers": {one.provider: one.outcome for one in answers}},
        notes=tuple(_errors(answers, followers)),
    )


def _errors(answers: Sequence[ProfileAnswer], followers: Sequence[Followers]) -> list[tuple[str, str]]:
    errors = [(one.provider, one.error) for one in answers if one.outcome in ("failed", "suspect")]
    errors += [(one.service, one.error) for one in followers if one.outcome == "failed"]
    return [(provider, error) for provider, error in errors if error is not None]


def enqueue_due(engine: sa.Engine, *, limit: int = 1_000) -> int:
    """Enqueue producers whose profiles or followers are due. Return how many there were."""
    with engine.begin() as connection:
        now: datetime = connection.execute(query("database_now")).scalar_one()
        rows = _due(connection, with_skipped=_has_instagram(engine), limit=limit)
        requests = [look_up_producer(row.producer_id, row.name, origin="batch", window=now) for row in rows]
        return len(enqueue_many(connection, requests))


def is_due(engine: sa.Engine) -> bool:
    """Whether a producer is due that has no open work."""
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
    """Whether followers that were skipped for lack of credentials can be counted by now."""
    return not missing_settings(engine, PROVIDERS[INSTAGRAM])
