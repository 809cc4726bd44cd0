"""The same pulls by dlt, in an environment of its own: its `rest_api` source tuned, or asynchronous resources.

A program by itself: dlt is no dependency of the product, so nothing of the product is imported here. Run by `pulls`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import dlt  # type: ignore[import-not-found, unused-ignore]
from dlt.sources.helpers import requests  # type: ignore[import-not-found, unused-ignore]
from dlt.sources.helpers.rest_client.auth import (  # type: ignore[import-not-found, unused-ignore]
    OAuth2ClientCredentials,
)
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found, unused-ignore]

CREDENTIAL = "benchmark"
DATASET = "pulled"
CONNECTIONS = 40
ATTEMPTS = 1_000  # with the 5 that are dlt's default, it gives up under Spotify's quota
RELEASES_A_PAGE = 10
TRACKS_A_PAGE = 50
RELEASES = {"include_groups": "album,single,compilation", "market": "US", "limit": RELEASES_A_PAGE}
TRACKS = {"market": "US", "limit": TRACKS_A_PAGE}

Row = dict[str, Any]


def rest_api(url: str, artists: Sequence[str], speed: float) -> Any:
    """dlt's own source for REST interfaces; the children of all parents are asked for side by side."""
    return _source(url, artists, speed, [])


def rest_api_facts(url: str, artists: Sequence[str], speed: float) -> Any:
    """The same, and each track by itself: only a track's own page has its ISRC, and no call takes several ids."""
    # Without a market: with one, Spotify answers for some tracks with another track's id.
    track = _resource("facts", "tracks/{resources.tracks.id}", data_selector="$", paginator="single_page")
    return _source(url, artists, speed, [track])


def _source(url: str, artists: Sequence[str], speed: float, further: Sequence[Row]) -> Any:
    # A page for each: what follows from one page is asked for one by one, what follows from several side by side.
    known = dlt.resource([[{"id": one}] for one in artists], name="artist_ids", selected=False)
    client = {"base_url": f"{url}/spotify/v1/", "auth": _authentication(url), "session": _session(speed)}
    resources = [
        known,
        _resource("artists", "artists/{resources.artist_ids.id}", data_selector="$", paginator="single_page"),
        _resource(
            "releases",
            "artists/{resources.artists.id}/albums",
            params=RELEASES,
            data_selector="items",
            paginator={"type": "offset", "limit": RELEASES_A_PAGE, "total_path": "total"},
        ),
        _resource(
            "tracks",
            "albums/{resources.releases.id}/tracks",
            params=TRACKS,
            data_selector="items",
            paginator={"type": "offset", "limit": TRACKS_A_PAGE, "total_path": "total"},
        ),
        *further,
    ]
    return rest_api_source({"client": client, "resources": resources}, max_table_nesting=0)


def _session(speed: float) -> Any:
    """dlt's session with its own retries, which sleeps on the sandbox's clock: Retry-After and backoff alike."""
    session = requests.Client(raise_for_status=False, request_max_attempts=ATTEMPTS).session
    session.send.retry.sleep = lambda seconds: time.sleep(seconds / speed)
    return session


def _resource(name: str, path: str, **endpoint: Any) -> Row:
    return {"name": name, "parallelized": True, "endpoint": {"path": path, **endpoint}}


def _authentication(url: str) -> Any:
    return OAuth2ClientCredentials(
        access_token_url=f"{url}/spotify-accounts/api/token",
        client_id=CREDENTIAL,
        client_secret=CREDENTIAL,
        access_token_request_data={"grant_type": "client_credentials"},
    )


def asynchronous(url: str, artists: Sequence[str], speed: float) -> Any:
    """One asynchronous resource that asks for everything at once, over as many connections as our clients have."""

    async def pulled() -> AsyncIterator[Any]:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(f"{url}/", connector=connector, headers=await _headers(url)) as session:
            for finished in asyncio.as_completed([_artist(session, one) for one in artists]):
                for table, rows in (await finished).items():
                    yield dlt.mark.with_table_name(rows, table)

    return dlt.resource(pulled, name="pulled", max_table_nesting=0)


async def _headers(url: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": CREDENTIAL, "client_secret": CREDENTIAL}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/spotify-accounts/api/token", data=form) as answer,
    ):
        answer.raise_for_status()
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}


async def _artist(session: aiohttp.ClientSession, artist: str) -> dict[str, list[Row]]:
    found, releases = await asyncio.gather(
        _asked(session, f"artists/{artist}", {}), _listed(session, f"artists/{artist}/albums", RELEASES)
    )
    lists = await asyncio.gather(*(_listed(session, f"albums/{one['id']}/tracks", TRACKS) for one in releases))
    return {"artists": [found], "releases": releases, "tracks": [track for one in lists for track in one]}


async def _listed(session: aiohttp.ClientSession, path: str, params: Row) -> list[Row]:
    """Read a whole list: its first page, then all others at once."""
    first = await _asked(session, path, params)
    offsets = range(params["limit"], first["total"], params["limit"])
    others = await asyncio.gather(*(_asked(session, path, params | {"offset": offset}) for offset in offsets))
    return [row for page in (first, *others) for row in page["items"]]


async def _asked(session: aiohttp.ClientSession, path: str, params: Row) -> Row:
    async with session.get(f"spotify/v1/{path}", params=params) as answer:
        answer.raise_for_status()
        return dict(await answer.json())


FORMS = {"rest_api": rest_api, "rest_api_facts": rest_api_facts, "asynchronous": asynchronous}


def main() -> int:
    """Pull the artists of a file of ids into a database, in one of the forms."""
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--url", required=True, help="of the sandbox")
    parser.add_argument("--database", required=True)
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    parser.add_argument("--folder", type=Path, required=True, help="where dlt keeps its files")
    parser.add_argument("--speed", type=float, default=1.0, help="of the sandbox's clock")
    chosen = parser.parse_args()
    pipeline = dlt.pipeline(
        pipeline_name="pulled",
        pipelines_dir=str(chosen.folder),
        destination=dlt.destinations.postgres(credentials=chosen.database),
        dataset_name=DATASET,
    )
    source = FORMS[chosen.form](chosen.url, json.loads(chosen.artists.read_text()), chosen.speed)
    pipeline.run(source, write_disposition="append", loader_file_format="csv").raise_on_failed_jobs()
    return 0


if __name__ == "__main__":
    sys.exit(main())
