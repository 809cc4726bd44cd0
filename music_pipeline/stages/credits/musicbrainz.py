"""MBID, releases, how many there are said to be, whether these are all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from music_pipeline.catalog.provider_answers import AnswerOutcome, decision_on
from music_pipeline.matching.artists import ArtistCandidate, ArtistChoice, choose_artist
from music_pipeline.matching.evidence import Fact, Verdict
from music_pipeline.providers.musicbrainz_records import MusicBrainzArtist, MusicBrainzRelease
from music_pipeline.providers.records import Credit, Page
from music_pipeline.stages.credits.lookup import Inquiry
from music_pipeline.stages.credits.lookup_rules import MOST_CANDIDATES, _insist, _review
from music_pipeline.stages.credits.musicbrainz_matching import count_matched_releases, match_musicbrainz
from music_pipeline.worker.paging import asked_twice, is_whole
from music_pipeline.worker.stage import fresh_since


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
