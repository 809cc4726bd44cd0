"""MBID, releases, how many there are said to be, whether these are all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
from music_pipeline.stages.credits.lookup import Inquiry
from music_pipeline.stages.credits.lookup_rules import MOST_CANDIDATES, _insist, _review
from music_pipeline.worker.concurrency import settled
from music_pipeline.worker.paging import asked_twice
from music_pipeline.worker.stage import Trouble, fresh_since, results_and_trouble

LONG_ABSENCE = timedelta(hours=1)


def is_genius_due(inquiry: Inquiry, now: datetime | None = None) -> bool:
    """Whether the others have had their say, or will be away for so long that Genius is not to wait for them."""
    now = now or datetime.now(UTC)
    return all(_is_long_gone(trouble, now) for trouble in inquiry.troubles.values())


def _is_long_gone(trouble: Trouble, now: datetime) -> bool:
    return isinstance(trouble, ProviderUnavailable) and trouble.until - now > LONG_ABSENCE


async def ask_genius(inquiry: Inquiry) -> None:
    """Find the artist's songs once, then read those that are recordings without a producer."""
    gaps = inquiry.without_producer()
    if not gaps:
        return
    artist_ids = await _genius_artists(inquiry)
    lists = {one: await _pages_of_songs(inquiry, one) for one in artist_ids[:MOST_CANDIDATES]}
    songs = [(one, _songs(one, pages)) for one, pages in lists.items()]
    chosen = await _chosen_by_songs(inquiry, songs)
    matched = songs_of_recordings(inquiry.ours.recordings, chosen)
    wanted = {recording_id: song for recording_id, song in matched.items() if recording_id in gaps}
    answers = await settled(_read_song(inquiry, recording_id, song) for recording_id, song in wanted.items())
    verified, trouble = results_and_trouble(answers)
    if trouble is not None:
        raise trouble
    whole = all(map(_holds_each_once, lists.values())) and not inquiry.is_denied("genius")
    if ("genius", "songs") not in inquiry.answers:
        outcome: AnswerOutcome = "found" if any(verified) else "absent"
        inquiry.answer("genius", "songs", outcome if whole else "partial", items=sum(verified))
    _insist(inquiry, "genius", whole=whole)


async def _genius_artists(inquiry: Inquiry) -> list[str]:
    artist, context = inquiry.ours.artist, inquiry.context
    subject = str(artist.artist_id)
    decision = await context.in_database(lambda connection: decision_on(connection, "genius_artist", subject))
    if decision is not None:
        return [decision.chosen_id] if decision.chosen_id else []
    hits = await context.providers.genius.search(artist.name, fresh_since=inquiry.item.cutoff)
    return artists_named(artist.name, hits)


def _songs(artist_id: str, pages: Sequence[Page[GeniusHit]]) -> list[GeniusHit]:
    """The artist's own songs, each once."""
    songs = {song.id: song for page in pages for song in page.items}
    return [song for song in songs.values() if song.artist is not None and song.artist.id == artist_id]


async def _pages_of_songs(inquiry: Inquiry, artist_id: str) -> list[Page[GeniusHit]]:
    """The pages of an artist's songs: Genius does not say how many there are, only a song that comes twice shows."""

    async def read(since: datetime | None) -> list[Page[GeniusHit]]:
        pages: list[Page[GeniusHit]] = []
        number: int | None = 1
        while number is not None:
            page = await inquiry.context.providers.genius.artist_songs(artist_id, page=number, fresh_since=since)
            pages += [page] if page is not None else []
            number = page.next_offset if page is not None else None
        return pages

    return await asked_twice(inquiry.context, inquiry.item.cutoff, read, _holds_each_once)


def _holds_each_once(pages: Sequence[Page[GeniusHit]]) -> bool:
    """Whether no song comes twice; there are no pages of an artist whom Genius names and does not know."""
    ids = [song.id for page in pages for song in page.items]
    return bool(pages) and len(ids) == len(set(ids))


async def _chosen_by_songs(inquiry: Inquiry, songs: Sequence[tuple[str, list[GeniusHit]]]) -> list[GeniusHit]:
    """Of several artists of the name, the songs of the one that has ours; if that does not decide, a person does."""
    matched = [(one, listed) for one, listed in songs if songs_of_recordings(inquiry.ours.recordings, listed)]
    if len(matched) == 1:
        return matched[0][1]
    if matched:
        candidates = tuple(ArtistCandidate(one, inquiry.ours.artist.name) for one, _ in matched)
        choice = ArtistChoice(Verdict.AMBIGUOUS, None, candidates, (Fact("songs in common", "each has some"),))
        await _review(inquiry, "genius_artist", choice)
        inquiry.answer("genius", "songs", "ambiguous")
    return []


async def _read_song(inquiry: Inquiry, recording_id: UUID, hit: GeniusHit) -> bool:
    """Take over a song's credits, once its own page has been verified; whether it was."""
    song = await inquiry.context.providers.genius.song(hit.id, fresh_since=fresh_since(inquiry.item))
    facts = inquiry.ours.recordings[recording_id]
    if song is None:
        inquiry.denied.add(("genius", hit.id))
        return False
    if not is_verified(facts, inquiry.ours.artist.name, song):
        return False
    inquiry.read.add(("genius", song.id))
    inquiry.credits += genius_credits(recording_id, song)
    return True
