"""Look up an artist's credits at MusicBrainz: browse its releases, and take over what they say of those we hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from music_pipeline.catalog.provider_answers import AnswerOutcome, decision_on
from music_pipeline.matching.artists import ArtistCandidate, ArtistChoice, choose_artist
from music_pipeline.matching.evidence import Fact, ProviderId, Verdict
from music_pipeline.providers.musicbrainz_records import MusicBrainzRelease
from music_pipeline.providers.records import Page
from music_pipeline.stages.credits.lookup import MOST_CANDIDATES, CreditLookup, Findings, sum_findings
from music_pipeline.stages.credits.musicbrainz_matching import count_matched_releases, match_musicbrainz
from music_pipeline.worker.paging import all_pages, is_complete, read_list
from music_pipeline.worker.stage import fresh_since


@dataclass(frozen=True, slots=True)
class ListedArtist:
    """A MusicBrainz artist with its releases. `expected`: how many there are said to be."""

    mbid: str
    releases: Sequence[MusicBrainzRelease]
    expected: int | None
    is_complete: bool


async def look_up_at_musicbrainz(lookup: CreditLookup) -> Findings:
    """Browse the artist's releases at MusicBrainz, and take over what they say of the held ones."""
    if lookup.mbid_setback is not None:
        raise lookup.mbid_setback
    mbids = lookup.mbids or await _mbids_by_name(lookup)
    if mbids is None:
        return lookup.answered("musicbrainz", "releases", "absent")
    listed = [await _browse(lookup, mbid) for mbid in mbids[:MOST_CANDIDATES]]
    if len(listed) == 1:
        return _findings(lookup, listed[0])
    return await _choose_by_releases(lookup, listed) if listed else Findings()


async def _mbids_by_name(lookup: CreditLookup) -> Sequence[str] | None:
    """Find the artist by name, if no Spotify link exists.

    A person's decision wins. None: there is no such artist.
    """
    artist, context = lookup.catalogue.artist, lookup.context
    subject = str(artist.artist_id)
    decision = await context.in_database(lambda connection: decision_on(connection, "musicbrainz_artist", subject))
    if decision is not None:
        return [decision.chosen_id] if decision.chosen_id else []
    found = lookup.namesakes
    if found is None:
        found = await context.providers.musicbrainz.search_artists(artist.name, fresh_since=fresh_since(lookup.item))
    choice = choose_artist(artist.name, [ArtistCandidate(one.mbid, one.name or "", one.aliases) for one in found])
    if choice.verdict is Verdict.DIFFERENT:
        return None
    return [candidate.provider_id for candidate in choice.candidates]


async def _browse(lookup: CreditLookup, mbid: str) -> ListedArtist:
    fetch = partial(lookup.context.providers.musicbrainz.releases_of_artist, mbid)
    pages = await read_list(lookup.context, lookup.item.cutoff, fetch, _is_complete)
    by_mbid = {release.mbid: release for page in pages for release in page.items}
    releases = [await _with_credits(lookup, release) for release in by_mbid.values()]
    is_whole = _is_complete(pages) and not any(release.recording_relations_missing for release in releases)
    return ListedArtist(mbid, releases, pages[-1].total if pages else None, is_whole)


def _is_complete(pages: list[Page[MusicBrainzRelease]]) -> bool:
    """Whether the pages make up the list. An artist that MusicBrainz names and does not know has no pages."""
    return is_complete({release.mbid for page in pages for release in page.items}, pages)


async def _with_credits(lookup: CreditLookup, release: MusicBrainzRelease) -> MusicBrainzRelease:
    """Fetch the credits of a release with more than 500 recordings, which is listed without them."""
    if not release.recording_relations_missing:
        return release
    recordings_of_release = lookup.context.providers.musicbrainz.recordings_of_release
    pages = await all_pages(partial(recordings_of_release, release.mbid, fresh_since=lookup.item.cutoff))
    if not pages:
        return release
    recordings = {recording.mbid: recording for page in pages for recording in page.items}
    tracks = tuple(
        replace(track, credits=recording.credits, isrcs=recording.isrcs)
        if (recording := recordings.get(track.recording_mbid or "")) is not None
        else track
        for track in release.tracks
    )
    return replace(release, tracks=tracks, recording_relations_missing=False)


async def _choose_by_releases(lookup: CreditLookup, listed: Sequence[ListedArtist]) -> Findings:
    """Of several artists of the name, choose the one that has held releases. A person decides between several."""
    counts = {artist.mbid: count_matched_releases(lookup.catalogue, artist.releases) for artist in listed}
    matched = [artist for artist in listed if counts[artist.mbid]]
    if len(matched) == 1:
        return _findings(lookup, matched[0])
    if not matched:
        error = "No artist of the name has a release of ours."
        return lookup.answered("musicbrainz", "releases", "absent", error=error)
    candidates = tuple(ArtistCandidate(artist.mbid, lookup.catalogue.artist.name) for artist in matched)
    evidence = tuple(Fact("releases in common", f"{artist.mbid}: {counts[artist.mbid]}") for artist in matched)
    choice = ArtistChoice(Verdict.AMBIGUOUS, None, candidates, evidence)
    await lookup.ask_which_artist("musicbrainz_artist", choice)
    return lookup.answered("musicbrainz", "releases", "ambiguous")


def _findings(lookup: CreditLookup, listed: ListedArtist) -> Findings:
    matches = match_musicbrainz(lookup.catalogue, listed.releases)
    found = Findings(
        credits=tuple(matches.credits),
        places_read=_places(listed.releases) if listed.is_complete else frozenset(),
        artist_mbid=listed.mbid if matches.release_mbids or matches.recording_mbids else None,
        release_mbids=dict(matches.release_mbids),
        recording_mbids={recording_id: frozenset(mbids) for recording_id, mbids in matches.recording_mbids.items()},
        discogs_ids={release_id: ids for release_id, ids in matches.discogs_ids.items() if ids},
    )
    outcome: AnswerOutcome = "found" if listed.releases else "empty"
    if not listed.is_complete:
        outcome = "partial"
    answered = lookup.answered("musicbrainz", "releases", outcome, items=len(listed.releases), expected=listed.expected)
    doubt = Findings() if listed.is_complete else lookup.contradicted("musicbrainz", "releases")
    return sum_findings([found, answered, doubt])


def _places(releases: Sequence[MusicBrainzRelease]) -> frozenset[ProviderId]:
    recordings = {track.recording_mbid for release in releases for track in release.tracks if track.recording_mbid}
    return frozenset(("musicbrainz", mbid) for mbid in recordings | {release.mbid for release in releases})
