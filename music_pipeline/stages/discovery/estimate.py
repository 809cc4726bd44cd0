"""Estimates of the provider calls of discovery, by stage."""

from collections.abc import Mapping
from math import ceil

from music_pipeline.stages.sizes import Ahead, ArtistSize, OpenArtist
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import artist_stages

SPOTIFY_PAGE = 10
# Spotify's search misses some tracks, which cost a call each. Measured in the sandbox: 14 artists with 1,400 tracks.
SPOTIFY_REPAIR = 1.5
LARGEST_SEARCH = 1_010


def releases_are_listed(stage: Stage) -> bool:
    """Whether the releases are known once work waits at this stage."""
    return _comes_after(stage, Stage.ALBUM_DISCOVERY)


def tracks_are_read(stage: Stage) -> bool:
    """Whether the tracks are known once work waits at this stage."""
    return _comes_after(stage, Stage.TRACK_DISCOVERY)


def _comes_after(stage: Stage, other: Stage) -> bool:
    order = artist_stages()
    return order.index(stage) > order.index(other)


def artist_calls(ahead: Ahead) -> Mapping[str, float]:
    """One look-up per artist."""
    return {"spotify": len(ahead.artists)}


def release_calls(ahead: Ahead) -> Mapping[str, float]:
    """The pages of each list of releases."""
    sizes = [artist.size(ahead.typical) for artist in ahead.artists]
    return {"spotify": sum(ceil(max(size.releases, 1) / SPOTIFY_PAGE) for size in sizes)}


def track_calls(ahead: Ahead) -> Mapping[str, float]:
    """The pages of each search for tracks, and what it misses."""
    repair = ahead.learnt.spotify or SPOTIFY_REPAIR
    pages = [_search_pages(artist, artist.size(ahead.typical)) for artist in ahead.artists]
    return {"spotify": sum(ceil(repair * count) for count in pages)}


def _search_pages(artist: OpenArtist, size: ArtistSize) -> int:
    """The pages of one search by artist or per release, as the stage would choose."""
    at_once = ceil(max(size.tracks, 1) / SPOTIFY_PAGE)
    if not artist.is_known:
        return at_once
    return min(at_once, artist.unread_pages) if size.tracks <= LARGEST_SEARCH else artist.unread_pages
