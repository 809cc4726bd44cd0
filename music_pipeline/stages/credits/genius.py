"""Look up an artist's credits at Genius: find the songs once, then read those of recordings without a producer."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from music_pipeline.catalog.provider_answers import AnswerOutcome, decision_on
from music_pipeline.gateway.errors import ProviderUnavailable
from music_pipeline.matching.artists import ArtistCandidate, ArtistChoice
from music_pipeline.matching.evidence import Fact, Verdict
from music_pipeline.providers.genius import GeniusHit
from music_pipeline.providers.records import Page
from music_pipeline.stages.credits.genius_matching import (
    artists_named,
    genius_credits,
    is_verified,
    songs_of_recordings,
)
from music_pipeline.stages.credits.lookup import MOST_CANDIDATES, CreditLookup, Findings, sum_findings
from music_pipeline.worker.concurrency import Setback, gather_results, split_results
from music_pipeline.worker.paging import read_list
from music_pipeline.worker.stage import fresh_since

LONG_ABSENCE = timedelta(hours=1)


def is_genius_due(setbacks: Mapping[str, Setback], now: datetime | None = None) -> bool:
    """Whether the others have answered, or will be away for so long that Genius does not wait for them."""
    until = (now or datetime.now(UTC)) + LONG_ABSENCE
    return all(isinstance(setback, ProviderUnavailable) and setback.until > until for setback in setbacks.values())


async def look_up_at_genius(lookup: CreditLookup) -> Findings:
    """Find the artist's songs, then read those that are recordings without a producer."""
    if not lookup.without_producer:
        return Findings()
    lists = {one: await _pages_of_songs(lookup, one) for one in (await _artist_ids(lookup))[:MOST_CANDIDATES]}
    chosen = _choose_by_songs(lookup, {artist_id: _songs(artist_id, pages) for artist_id, pages in lists.items()})
    if isinstance(chosen, ArtistChoice):
        await lookup.ask_which_artist("genius_artist", chosen)
        songs: dict[UUID, GeniusHit] = {}
    else:
        matched = songs_of_recordings(lookup.catalogue.recordings, chosen)
        songs = {
            recording_id: song for recording_id, song in matched.items() if recording_id in lookup.without_producer
        }
    results = await gather_results(_read_song(lookup, recording_id, song) for recording_id, song in songs.items())
    parts, setback = split_results(results)
    found = sum_findings(parts)
    if setback is not None:
        return sum_findings([found, lookup.failed("genius", "songs", setback)])
    is_whole = all(map(_holds_each_once, lists.values())) and not found.missing
    doubt = Findings() if is_whole else lookup.contradicted("genius", "songs")
    if isinstance(chosen, ArtistChoice):
        return sum_findings([found, lookup.answered("genius", "songs", "ambiguous"), doubt])
    outcome: AnswerOutcome = "found" if found.places_read else "absent"
    answered = lookup.answered("genius", "songs", outcome if is_whole else "partial", items=len(found.places_read))
    return sum_findings([found, answered, doubt])


async def _artist_ids(lookup: CreditLookup) -> list[str]:
    """Genius's artists of the name, or a person's choice."""
    artist, context = lookup.catalogue.artist, lookup.context
    subject = str(artist.artist_id)
    decision = await context.in_database(lambda connection: decision_on(connection, "genius_artist", subject))
    if decision is not None:
        return [decision.chosen_id] if decision.chosen_id else []
    hits = await context.providers.genius.search(artist.name, fresh_since=lookup.item.cutoff)
    return artists_named(artist.name, hits)


async def _pages_of_songs(lookup: CreditLookup, artist_id: str) -> list[Page[GeniusHit]]:
    """The pages of an artist's songs. Genius does not say how many there are; only a repeated song gives it away."""
    fetch = partial(lookup.context.providers.genius.artist_songs, artist_id)
    return await read_list(lookup.context, lookup.item.cutoff, fetch, _holds_each_once, are_numbered=True)


def _holds_each_once(pages: Sequence[Page[GeniusHit]]) -> bool:
    """Whether the list has pages and repeats no song.

    An artist missing at Genius has no pages.
    """
    ids = [song.id for page in pages for song in page.items]
    return bool(pages) and len(ids) == len(set(ids))


def _songs(artist_id: str, pages: Sequence[Page[GeniusHit]]) -> list[GeniusHit]:
    """The artist's own songs, each once."""
    songs = {song.id: song for page in pages for song in page.items}
    return [song for song in songs.values() if song.artist is not None and song.artist.id == artist_id]


def _choose_by_songs(lookup: CreditLookup, songs: Mapping[str, list[GeniusHit]]) -> list[GeniusHit] | ArtistChoice:
    """The songs of the one namesake that has our recordings.

    If several have, a person chooses.
    """
    recordings = lookup.catalogue.recordings
    matched = [artist_id for artist_id, listed in songs.items() if songs_of_recordings(recordings, listed)]
    if len(matched) == 1:
        return songs[matched[0]]
    if not matched:
        return []
    candidates = tuple(ArtistCandidate(artist_id, lookup.catalogue.artist.name) for artist_id in matched)
    return ArtistChoice(Verdict.AMBIGUOUS, None, candidates, (Fact("songs in common", "each has some"),))


async def _read_song(lookup: CreditLookup, recording_id: UUID, hit: GeniusHit) -> Findings:
    """Read a song's own page, and take over its credits if the page proves that it is the recording."""
    song = await lookup.context.providers.genius.song(hit.id, fresh_since=fresh_since(lookup.item))
    if song is None:
        return Findings(missing=frozenset([("genius", hit.id)]))
    if not is_verified(lookup.catalogue.recordings[recording_id], lookup.catalogue.artist.name, song):
        return Findings()
    return Findings(credits=tuple(genius_credits(recording_id, song)), places_read=frozenset([("genius", song.id)]))
