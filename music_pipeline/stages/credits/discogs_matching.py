"""Which Discogs releases are held ones, and the production credits they give their recordings. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.names import normalise_name, strip_namesake_suffix
from music_pipeline.matching.releases import ReleaseFacts, TrackFacts
from music_pipeline.matching.roles import parse_roles, production_role
from music_pipeline.matching.titles import same_release_title
from music_pipeline.matching.track_ranges import UnreadableRange, tracks_in_range
from music_pipeline.providers.discogs import DiscogsCredit, DiscogsHit, DiscogsRelease
from music_pipeline.stages.credits.held_releases import ReleaseToMatch
from music_pipeline.stages.credits.release_pairing import (
    RELEASE_FIELD,
    TRACK_FIELD,
    Pairing,
    StatedCredit,
    found_credits,
)

PROVIDER = "discogs"
SEPARATOR = " - "


@dataclass(frozen=True, slots=True)
class DiscogsCredits:
    """Production credits of one Discogs release, and the track ranges on it that could not be read."""

    credits: tuple[FoundCredit, ...]
    unreadable: tuple[UnreadableRange, ...]


def release_facts(release: DiscogsRelease) -> ReleaseFacts:
    """A Discogs release, for matching."""
    return ReleaseFacts(
        title=release.title or "",
        artists=tuple(strip_namesake_suffix(one.name)[0] for one in release.artists if one.name),
        released=release.released or (str(release.year) if release.year else None),
        barcodes=frozenset(release.barcodes),
        tracks=tuple(TrackFacts(track.title or "", track.duration_ms) for track in release.tracks),
    )


def likely_hits(release: ReleaseToMatch, hits: Iterable[DiscogsHit]) -> list[DiscogsHit]:
    """The hits of a search that may be this release, by title, the nearest in time first."""
    year = int(release.facts.released[:4]) if release.facts.released else None

    def distance(hit: DiscogsHit) -> tuple[bool, int, str]:
        gap = abs(hit.year - year) if hit.year and year else 0
        return (hit.year is None or year is None, gap, hit.id)

    return sorted((hit for hit in hits if _has_title(hit, release)), key=distance)


def _has_title(hit: DiscogsHit, release: ReleaseToMatch) -> bool:
    """Whether a hit's title is this release's. It is "Artist - Title", and either may hold the separator itself."""
    pieces = (hit.title or "").split(SEPARATOR)
    for cut in range(1, len(pieces)):
        artist, title = SEPARATOR.join(pieces[:cut]), SEPARATOR.join(pieces[cut:])
        if same_release_title(title, release.facts.title) and _names_an_artist(artist, release):
            return True
    return False


def _names_an_artist(printed: str, release: ReleaseToMatch) -> bool:
    folded = f" {normalise_name(strip_namesake_suffix(printed)[0])} "
    return any(f" {normalise_name(strip_namesake_suffix(name)[0])} " in folded for name in release.facts.artists)


def discogs_credits(release: ReleaseToMatch, listed: DiscogsRelease, pairing: Pairing) -> DiscogsCredits:
    """The credits that a matched release gives: of its tracks, and of itself if it is the same release."""
    release_id = release.held.release_id
    found: list[FoundCredit] = []
    for held_index, listed_index in pairing.tracks:
        for printed in listed.tracks[listed_index].credits:
            stated = _stated_credits(printed, listed.id, "track", TRACK_FIELD)
            found += found_credits(stated, release.tracks[held_index].recording_id, release_id, pairing.confidence)
    unreadable: list[UnreadableRange] = []
    positions = [track.position or "" for track in listed.tracks]
    for printed in listed.credits if pairing.is_same_release else ():
        production = [
            stated
            for stated in _stated_credits(printed, listed.id, "release", RELEASE_FIELD)
            if production_role(stated.role) is not None
        ]
        if not production:
            continue
        covered = tracks_in_range(printed.tracks or "", positions)
        if isinstance(covered, UnreadableRange):
            unreadable.append(covered)
            covered = covered.resolved
        for held_index, listed_index in pairing.tracks:
            if listed_index in covered:
                recording_id = release.tracks[held_index].recording_id
                found += found_credits(production, recording_id, release_id, pairing.confidence)
    return DiscogsCredits(tuple(found), tuple(unreadable))


def _stated_credits(
    printed: DiscogsCredit, discogs_id: str, level: str, field_confidence: float
) -> Iterator[StatedCredit]:
    if not printed.name:
        return
    name = strip_namesake_suffix(printed.name)[0]
    # A person without a page at Discogs is known by the name on this release only: nobody else's namesake.
    person_id = printed.person_id or f"release/{discogs_id}/{normalise_name(name)}"
    for role in parse_roles(printed.role or ""):
        yield StatedCredit(
            person=Person((PROVIDER, person_id), name),
            role=role,
            credited_as=(printed.anv or name).rstrip("*"),
            level=level,
            entity="release",
            id=discogs_id,
            field_confidence=field_confidence,
        )
