"""What is asked of MusicBrainz, Discogs and Genius about the producers of an artist's recordings.

The cheap and wide first: one browse at MusicBrainz covers hundreds of tracks; Discogs costs a request a release; Genius
a request a song, so it is asked only for recordings that the others gave no producer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from music_pipeline.catalog.answers import AnswerOutcome, ask_for_review, decision_on
from music_pipeline.catalog.identity import ArtistCandidate, ArtistChoice, Fact, Verdict, choose_artist
from music_pipeline.providers.discogs import DiscogsHit, DiscogsRelease
from music_pipeline.providers.errors import ProviderUnavailable
from music_pipeline.providers.genius import GeniusHit
from music_pipeline.providers.musicbrainz_answers import MusicBrainzArtist, MusicBrainzRelease
from music_pipeline.providers.records import Credit, Page
from music_pipeline.stages.discogs_matching import discogs_credits, likely_hits, release_facts
from music_pipeline.stages.genius_matching import artists_named, genius_credits, is_verified, songs_of_recordings
from music_pipeline.stages.inquiries import Inquiry
from music_pipeline.stages.musicbrainz_matching import count_matched_releases, match_musicbrainz
from music_pipeline.stages.our_catalogue import OurRelease
from music_pipeline.stages.pairing import pair
from music_pipeline.stages.readings import (
    Trouble,
    asked_twice,
    disagreement,
    fresh_since,
    is_whole,
    results_and_trouble,
    settled,
)

MOST_CANDIDATES = 4
MOST_TRIES_PER_RELEASE = 2
LONG_ABSENCE = timedelta(hours=1)


async def ask_musicbrainz(inquiry: Inquiry) -> None:
    """Browse the artist's releases at MusicBrainz and take over what they say of ours."""
    if inquiry.mbid_trouble is not None:
        raise inquiry.mbid_trouble
    mbids = list(inquiry.known_mbids) or await _mbids_of_name(inquiry)
    browsed = [await _browse(inquiry, mbid) for mbid in mbids[:MOST_CANDIDATES]]
    chosen = browsed[0] if len(browsed) == 1 else await _chosen_by_releases(inquiry, browsed)
    if chosen is None:
        return
    mbid, releases, expected, whole = chosen
    matches = match_musicbrainz(inquiry.ours, releases)
    if matches.release_mbids or matches.recording_mbids:
        inquiry.artist_mbid = mbid
    inquiry.credits += matches.credits
    inquiry.discogs_ids |= {release_id: ids for release_id, ids in matches.discogs_ids.items() if ids}
    inquiry.release_mbids = dict(matches.release_mbids)
    inquiry.recording_mbids = dict(matches.recording_mbids)
    if whole:
        inquiry.read |= _places(releases)
    outcome: AnswerOutcome = "partial" if not whole else "found" if releases else "empty"
    inquiry.answer("musicbrainz", "releases", outcome, items=len(releases), expected=expected)
    _insist(inquiry, "musicbrainz", whole=whole)


def _insist(inquiry: Inquiry, provider: str, *, whole: bool) -> None:
    """Ask the provider again later, while a list of its is not whole, or what is on it is not given.

    Raises ProviderFailure.
    """
    doubt = None if whole else disagreement(inquiry.item, provider, f"{inquiry.ours.artist.name}'s list")
    if doubt is not None:
        raise doubt


def _places(releases: Sequence[MusicBrainzRelease]) -> set[tuple[str, str]]:
    places = {("musicbrainz", release.mbid) for release in releases}
    tracks = (track for release in releases for track in release.tracks if track.recording_mbid)
    return places | {("musicbrainz", str(track.recording_mbid)) for track in tracks}


async def _mbids_of_name(inquiry: Inquiry) -> list[str]:
    """MusicBrainz has no link to the Spotify artist: those of its artists that have the name, or a person's choice."""
    artist, context = inquiry.ours.artist, inquiry.context
    subject = str(artist.artist_id)
    decision = await context.in_database(lambda connection: decision_on(connection, "musicbrainz_artist", subject))
    if decision is not None:
        return [decision.chosen_id] if decision.chosen_id else []
    found = inquiry.named_at_musicbrainz
    if found is None:
        found = await context.providers.musicbrainz.search_artists(artist.name, fresh_since=fresh_since(inquiry.item))
    choice = choose_artist(artist.name, [_candidate(one) for one in found])
    if choice.verdict is Verdict.DIFFERENT:
        inquiry.answer("musicbrainz", "releases", "absent")
    return [one.provider_id for one in choice.candidates]


def _candidate(artist: MusicBrainzArtist) -> ArtistCandidate:
    return ArtistCandidate(provider_id=artist.mbid, name=artist.name or "", aliases=artist.aliases)


async def _browse(inquiry: Inquiry, mbid: str) -> "Browsed":
    """All releases of an artist, how many MusicBrainz says there are, and whether these are all of them."""
    read = partial(_pages_of_musicbrainz, inquiry, mbid)
    pages = await asked_twice(inquiry.context, inquiry.item.cutoff, read, _is_whole_at_musicbrainz)
    releases = {release.mbid: release for page in pages for release in page.items}
    complete = [await _with_credits(inquiry, release) for release in releases.values()]
    whole = _is_whole_at_musicbrainz(pages) and not any(one.recording_relations_missing for one in complete)
    return mbid, complete, pages[-1].total if pages else None, whole


def _is_whole_at_musicbrainz(pages: list[Page[MusicBrainzRelease]]) -> bool:
    """Whether the pages make up the list; there are none of an artist whom MusicBrainz names and does not know."""
    return is_whole({release.mbid for page in pages for release in page.items}, pages)


async def _pages_of_musicbrainz(inquiry: Inquiry, mbid: str, since: datetime | None) -> list[Page[MusicBrainzRelease]]:
    pages: list[Page[MusicBrainzRelease]] = []
    offset: int | None = 0
    while offset is not None:
        page = await inquiry.context.providers.musicbrainz.releases_of_artist(mbid, offset=offset, fresh_since=since)
        if page is None:
            return []
        pages.append(page)
        offset = page.next_offset
    return pages


async def _with_credits(inquiry: Inquiry, release: MusicBrainzRelease) -> MusicBrainzRelease:
    """A release of more than 500 recordings is listed without their credits: those are asked for by themselves."""
    if not release.recording_relations_missing:
        return release
    credits: dict[str, tuple[Credit, ...]] = {}
    isrcs: dict[str, tuple[str, ...]] = {}
    offset: int | None = 0
    while offset is not None:
        page = await inquiry.context.providers.musicbrainz.recordings_of_release(
            release.mbid, offset=offset, fresh_since=inquiry.item.cutoff
        )
        if page is None:
            return release
        credits |= {recording.mbid: recording.credits for recording in page.items}
        isrcs |= {recording.mbid: recording.isrcs for recording in page.items}
        offset = page.next_offset
    tracks = tuple(
        replace(track, credits=credits.get(mbid, track.credits), isrcs=isrcs.get(mbid, track.isrcs))
        if (mbid := track.recording_mbid)
        else track
        for track in release.tracks
    )
    return replace(release, tracks=tracks, recording_relations_missing=False)


Browsed = tuple[str, list[MusicBrainzRelease], int | None, bool]
"""MBID, releases, how many there are said to be, whether these are all."""


async def _chosen_by_releases(inquiry: Inquiry, browsed: Sequence[Browsed]) -> Browsed | None:
    """Of several artists of the name, the one that has releases of ours; if that does not decide, a person does."""
    matched = [one for one in browsed if count_matched_releases(inquiry.ours, one[1])]
    if len(matched) == 1:
        return matched[0]
    if not browsed:
        return None
    if not matched:
        inquiry.answer("musicbrainz", "releases", "absent", error="No artist of the name has a release of ours.")
        return None
    candidates = tuple(ArtistCandidate(mbid, inquiry.ours.artist.name) for mbid, *_ in matched)
    evidence = tuple(
        Fact("releases in common", f"{mbid}: {count_matched_releases(inquiry.ours, releases)}")
        for mbid, releases, *_ in matched
    )
    await _review(inquiry, "musicbrainz_artist", ArtistChoice(Verdict.AMBIGUOUS, None, candidates, evidence))
    inquiry.answer("musicbrainz", "releases", "ambiguous")
    return None


async def _review(inquiry: Inquiry, kind: str, choice: ArtistChoice) -> None:
    artist = inquiry.ours.artist
    question = f"Which of these is {artist.name} ({artist.artist_key})?"
    await inquiry.context.in_database(
        lambda connection: ask_for_review(
            connection, kind=kind, subject=str(artist.artist_id), question=question, choice=choice
        )
    )


async def ask_discogs(inquiry: Inquiry) -> None:
    """Read each release at Discogs: by the id that MusicBrainz links, else by one search over the artist."""
    linked = [release for release in inquiry.ours.releases if inquiry.discogs_ids.get(release.held.release_id)]
    unlinked = [release for release in inquiry.ours.releases if not inquiry.discogs_ids.get(release.held.release_id)]
    hits, whole = await _search_discogs(inquiry) if unlinked else ([], True)
    choices = [(one, inquiry.discogs_ids[one.held.release_id]) for one in linked]
    choices += [(one, [hit.id for hit in likely_hits(one, hits)]) for one in unlinked]
    answers = await settled(_read_discogs(inquiry, release, ids) for release, ids in choices)
    found, trouble = results_and_trouble(answers)
    if trouble is not None:
        raise trouble
    outcome: AnswerOutcome = "found" if any(found) else "absent"
    whole = whole and not inquiry.is_denied("discogs")
    inquiry.answer("discogs", "releases", outcome if whole else "partial", items=sum(found))
    _insist(inquiry, "discogs", whole=whole)


async def _search_discogs(inquiry: Inquiry) -> tuple[list[DiscogsHit], bool]:
    """Every release that a search for the artist's name finds, each once, and whether these are all of them."""
    read = partial(_pages_of_discogs, inquiry)
    pages = await asked_twice(inquiry.context, inquiry.item.cutoff, read, _is_whole_at_discogs)
    hits = {hit.id: hit for page in pages for hit in page.items}
    return list(hits.values()), _is_whole_at_discogs(pages)


def _is_whole_at_discogs(pages: list[Page[DiscogsHit]]) -> bool:
    return is_whole({hit.id for page in pages for hit in page.items}, pages)


async def _pages_of_discogs(inquiry: Inquiry, since: datetime | None) -> list[Page[DiscogsHit]]:
    pages: list[Page[DiscogsHit]] = []
    number: int | None = 1
    while number is not None:
        page = await inquiry.context.providers.discogs.search_releases(
            inquiry.ours.artist.name, page=number, fresh_since=since
        )
        pages.append(page)
        number = page.next_offset
    return pages


async def _read_discogs(inquiry: Inquiry, release: OurRelease, ids: Sequence[str]) -> bool:
    """Take over the first of these releases that is ours; whether there was one."""
    for discogs_id in ids[:MOST_TRIES_PER_RELEASE]:
        theirs = await inquiry.context.providers.discogs.release(discogs_id, fresh_since=fresh_since(inquiry.item))
        if theirs is None:
            inquiry.denied.add(("discogs", discogs_id))
        elif _take_discogs(inquiry, release, theirs):
            return True
    return False


def _take_discogs(inquiry: Inquiry, release: OurRelease, theirs: DiscogsRelease) -> bool:
    pairing = pair(release, release_facts(theirs))
    if pairing is None:
        return False
    said = discogs_credits(release, theirs, pairing)
    inquiry.credits += said.credits
    inquiry.read.add(("discogs", theirs.id))
    inquiry.discogs_ids[release.held.release_id] = [theirs.id]
    for problem in said.unreadable:
        text = (
            f"The range {problem.text!r} of a credit names {problem.part!r}, which is no track of release {theirs.id}."
        )
        inquiry.note("discogs", text)
    return True


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
