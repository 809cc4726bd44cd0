"""Stage `artists`: who a requested name or Spotify id means. Names are resolved by identity, never by first hit."""

from dataclasses import dataclass

import sqlalchemy as sa

from music_pipeline.catalog.artists import write_artist
from music_pipeline.catalog.provider_answers import ask_for_review, decision_on
from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version, content_hash
from music_pipeline.matching.artists import ArtistCandidate, ArtistChoice, choose_artist
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.names import is_not_an_artist, normalise_name
from music_pipeline.providers.spotify import SpotifyArtist
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.follow_ups import follow_up
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.stage import Impossible, StageContext, StageData, StageResult

NOBODY = Version(rows=0, hash="empty")


@dataclass(frozen=True, slots=True)
class ResolvedArtist:
    """The artist that is meant."""

    name: str
    spotify_id: str


@dataclass(frozen=True, slots=True)
class AmbiguousArtist:
    """A name that may mean several artists. `subject`: the normalised name."""

    name: str
    subject: str
    choice: ArtistChoice


async def read(context: StageContext, item: WorkItem) -> StageData[ResolvedArtist | AmbiguousArtist]:
    """Find the artist that is meant. A person decides about an ambiguous name; an unknown one is impossible."""
    spotify_id, name = item.payload.get("artistId"), item.payload.get("artistName")
    if spotify_id is not None:
        return StageData(await _by_id(context, item, spotify_id, name))
    return StageData(await _by_name(context, item, str(name)))


async def _by_id(context: StageContext, item: WorkItem, spotify_id: str, name: str | None) -> ResolvedArtist:
    found = None
    if name:  # a known artist is searched by name, since the same request brings its first tracks
        search = await context.providers.spotify.search(name, fresh_since=item.cutoff)
        found = next((artist for artist in search.artists if artist.id == spotify_id), None)
    found = found or await context.providers.spotify.artist(spotify_id, fresh_since=item.cutoff)
    if found is None:
        raise Impossible(f"Spotify has no artist with the id {spotify_id}; check the id or the link.")
    return _resolved(found)


async def _by_name(context: StageContext, item: WorkItem, name: str) -> ResolvedArtist | AmbiguousArtist:
    refusal = is_not_an_artist(name)
    if refusal is not None:
        raise Impossible(refusal)
    subject = normalise_name(name)
    decision = await context.in_database(lambda connection: decision_on(connection, "artist", subject))
    if decision is not None:
        if decision.chosen_id is None:
            raise Impossible(f"A person decided that none of the artists found is the “{name}” that is meant.")
        return await _by_id(context, item, decision.chosen_id, name)
    search = await context.providers.spotify.search(name, fresh_since=item.cutoff)
    choice = choose_artist(
        name, [ArtistCandidate(one.id, one.name or "", (), one.popularity) for one in search.artists]
    )
    if choice.verdict is Verdict.DIFFERENT:
        raise Impossible(f"Spotify knows no artist named “{name}”.")
    if choice.verdict is Verdict.AMBIGUOUS or choice.chosen is None:
        return AmbiguousArtist(name, subject, choice)
    chosen_id = choice.chosen.provider_id
    return _resolved(next(artist for artist in search.artists if artist.id == chosen_id))


def _resolved(artist: SpotifyArtist) -> ResolvedArtist:
    if artist.name is None:
        raise Impossible(f"Spotify's artist {artist.id} has no name.")
    refusal = is_not_an_artist(artist.name)
    if refusal is not None:
        raise Impossible(refusal)
    return ResolvedArtist(artist.name, artist.id)


def store(connection: sa.Connection, item: WorkItem, found: ResolvedArtist | AmbiguousArtist) -> StageResult:
    """Write the artist, or the question for a person."""
    if isinstance(found, AmbiguousArtist):
        return _store_ambiguous(connection, found)
    known = connection.execute(
        query("artist_of_external_id"), {"provider": "spotify", "id": found.spotify_id}
    ).one_or_none()
    artist = write_artist(connection, found.name, found.spotify_id)
    next_stage = follow_up(item, Stage.ALBUM_DISCOVERY, artist, window=item.cutoff.isoformat(), fresh=not item.force)
    return StageResult(
        artist_key=artist.artist_key,
        version=Version(rows=1, hash=content_hash(found.name, found.spotify_id)),
        status=Status.of_change(has_changed=known is None or known.name != found.name),
        text=f"{found.name} is {artist.artist_key}",
        follow_ups=(next_stage,),
        detail={"verdict": "same", "artist_id": str(artist.artist_id), "artist_key": artist.artist_key},
    )


def _store_ambiguous(connection: sa.Connection, found: AmbiguousArtist) -> StageResult:
    candidates = found.choice.candidates
    ask_for_review(
        connection,
        kind="artist",
        subject=found.subject,
        question=f"Which artist is “{found.name}”?",
        choice=found.choice,
    )
    return StageResult(
        artist_key=None,
        version=NOBODY,
        status=Status.AMBIGUOUS,
        text=f"“{found.name}” is ambiguous: {len(candidates)} artists come into question. See music-pipeline review.",
        detail={"verdict": "ambiguous", "candidates": [candidate.provider_id for candidate in candidates]},
    )
