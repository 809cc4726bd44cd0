"""Stage `artists`: who a requested name or Spotify id means. Names are resolved by identity, never by first hit."""

from functools import partial

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
from music_pipeline.worker.stage import Impossible, Reading, Result, StageContext, follow_up, one_by_one

NOBODY = Version(rows=0, hash="empty")


async def read_artist(context: StageContext, item: WorkItem) -> Reading:
    """Find the artist that is meant; an ambiguous name goes to a person, an unknown one is impossible."""
    spotify_id = item.payload.get("artistId")
    name = item.payload.get("artistName")
    if spotify_id is not None:
        return await _by_id(context, item, spotify_id, name)
    return await _by_name(context, item, str(name))


async def _by_id(context: StageContext, item: WorkItem, spotify_id: str, name: str | None) -> Reading:
    found = await _from_search(context, item, spotify_id, name) if name else None
    found = found or await context.providers.spotify.artist(spotify_id, fresh_since=item.cutoff)
    if found is None:
        raise Impossible(f"Spotify has no artist with the id {spotify_id}; check the id or the link.")
    return _found(item, found)


async def _from_search(context: StageContext, item: WorkItem, spotify_id: str, name: str) -> SpotifyArtist | None:
    """A known artist is looked for by name, since the same request brings its first tracks."""
    search = await context.providers.spotify.search(name, fresh_since=item.cutoff)
    return next((one for one in search.artists if one.id == spotify_id), None)


async def _by_name(context: StageContext, item: WorkItem, name: str) -> Reading:
    nobody = is_not_an_artist(name)
    if nobody is not None:
        raise Impossible(nobody)
    subject = normalise_name(name)
    decision = await context.in_database(lambda connection: decision_on(connection, "artist", subject))
    if decision is not None:
        if decision.chosen_id is None:
            raise Impossible(f"A person decided that none of the artists found is the “{name}” that is meant.")
        return await _by_id(context, item, decision.chosen_id, name)
    search = await context.providers.spotify.search(name, fresh_since=item.cutoff)
    choice = choose_artist(name, [_candidate(one) for one in search.artists])
    if choice.verdict is Verdict.DIFFERENT:
        raise Impossible(f"Spotify knows no artist named “{name}”.")
    if choice.verdict is Verdict.AMBIGUOUS or choice.chosen is None:
        return Reading(write=partial(_write_ambiguous, name=name, subject=subject, choice=choice))
    chosen = choice.chosen.provider_id
    return _found(item, next(one for one in search.artists if one.id == chosen))


def _candidate(artist: SpotifyArtist) -> ArtistCandidate:
    return ArtistCandidate(provider_id=artist.id, name=artist.name or "", popularity=artist.popularity)


def _found(item: WorkItem, artist: SpotifyArtist) -> Reading:
    if artist.name is None:
        raise Impossible(f"Spotify's artist {artist.id} has no name.")
    nobody = is_not_an_artist(artist.name)
    if nobody is not None:
        raise Impossible(nobody)
    return Reading(write=partial(_write_artist, item=item, name=artist.name, spotify_id=artist.id))


def _write_ambiguous(connection: sa.Connection, *, name: str, subject: str, choice: ArtistChoice) -> Result:
    ask_for_review(connection, kind="artist", subject=subject, question=f"Which artist is “{name}”?", choice=choice)
    text = f"“{name}” is ambiguous: {len(choice.candidates)} artists come into question. See music-pipeline review."
    detail = {"verdict": "ambiguous", "candidates": [one.provider_id for one in choice.candidates]}
    return Result(artist_key=None, version=NOBODY, changed=False, text=text, detail=detail)


def _write_artist(connection: sa.Connection, *, item: WorkItem, name: str, spotify_id: str) -> Result:
    known = connection.execute(query("artist_of_external_id"), {"provider": "spotify", "id": spotify_id}).one_or_none()
    artist = write_artist(connection, name, spotify_id)
    next_stage = follow_up(item, Stage.ALBUM_DISCOVERY, artist, window=item.cutoff.isoformat(), fresh=not item.force)
    return Result(
        artist_key=artist.artist_key,
        version=Version(rows=1, hash=content_hash(name, spotify_id)),
        changed=known is None or known.name != name,
        text=f"{name} is {artist.artist_key}",
        follow_ups=(next_stage,),
        detail={"verdict": "same", "artist_id": str(artist.artist_id), "artist_key": artist.artist_key},
    )


read_stage = one_by_one(read_artist)
