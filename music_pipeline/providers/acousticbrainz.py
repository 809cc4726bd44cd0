"""AcousticBrainz: audio analyses of recordings, by MBID. https://acousticbrainz.readthedocs.io/api.html

Nothing was added since 2022, and the service may be down for good. If a recording has several analyses, the first
counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quota
from music_pipeline.gateway.request import Endpoint, Request, Sender

ACOUSTICBRAINZ = Provider(  # …/api.html: 10 in 10 seconds
    name="acousticbrainz",
    base_url="https://acousticbrainz.org/api/v1",
    sandbox_path="/acousticbrainz/api/v1",
    quota=Quota(10, 10),
    quota_per_account=False,
    metadata_ttl=timedelta(days=90),
)

LOW_LEVEL = Endpoint(ACOUSTICBRAINZ, "low_level", "/low-level")  # …/api.html#get--api-v1-low-level
HIGH_LEVEL = Endpoint(ACOUSTICBRAINZ, "high_level", "/high-level")  # …/api.html#get--api-v1-high-level

MOST_MBIDS = 25
FIRST_ANALYSIS = "0"
MAPPING = "mbid_mapping"  # stands among the MBIDs and is none
FEATURES = (
    "rhythm.bpm",
    "rhythm.danceability",
    "tonal.key_key",
    "tonal.key_scale",
    "lowlevel.average_loudness",
)
Parsed = TypeVar("Parsed")
read = Reader("acousticbrainz")


@dataclass(frozen=True, slots=True)
class AcousticBrainzFeatures:
    """A recording as it was measured. `key`: a note (F#), `scale`: major or minor.

    `average_loudness`: from 0 to 1; `danceability`: from 0 to about 3, which is not Spotify's.
    """

    bpm: float | None
    key: str | None
    scale: str | None
    average_loudness: float | None
    danceability: float | None


@dataclass(frozen=True, slots=True)
class AcousticBrainzClass:
    """What a recording was judged to be, such as `not_danceable`. `probability`: from 0 to 1."""

    value: str
    probability: float | None


def parse_low_level(payload: object) -> dict[str, AcousticBrainzFeatures]:
    """Measures by MBID in lower case; unknown ones are missing. Raises UnreadableAnswer."""
    return _first_analyses(payload, _features)


def parse_high_level(payload: object) -> dict[str, dict[str, AcousticBrainzClass]]:
    """Judgements by MBID in lower case and by what they are about (danceability, gender, mood_happy, …).

    Raises UnreadableAnswer.
    """
    return _first_analyses(payload, parse_judgements)


def parse_judgements(payload: object) -> dict[str, AcousticBrainzClass]:
    """The judgements of one analysis. Raises UnreadableAnswer."""
    found = read.optional_mapping(read.mapping(payload, "analysis").get("highlevel"), "analysis.highlevel")
    judged = {read.id(name, "highlevel"): _judgement(value, f"highlevel.{name}") for name, value in found.items()}
    return {name: judgement for name, judgement in judged.items() if name and judgement}


def _first_analyses(payload: object, parse: Callable[[object], Parsed]) -> dict[str, Parsed]:
    found = read.mapping(payload, "recordings")
    analyses = {
        read.id(mbid.lower(), "recordings"): read.optional_mapping(offsets, "recording").get(FIRST_ANALYSIS)
        for mbid, offsets in found.items()
        if mbid != MAPPING
    }
    return {mbid: parse(analysis) for mbid, analysis in analyses.items() if mbid and analysis is not None}


def _features(value: object) -> AcousticBrainzFeatures:
    found = read.mapping(value, "analysis")
    rhythm, tonal, lowlevel = (
        read.optional_mapping(found.get(part), f"analysis.{part}") for part in ("rhythm", "tonal", "lowlevel")
    )
    return AcousticBrainzFeatures(
        bpm=read.number(rhythm.get("bpm"), "rhythm.bpm") or None,
        key=read.text(tonal.get("key_key"), "tonal.key_key"),
        scale=read.text(tonal.get("key_scale"), "tonal.key_scale"),
        average_loudness=read.number(lowlevel.get("average_loudness"), "lowlevel.average_loudness"),
        danceability=read.number(rhythm.get("danceability"), "rhythm.danceability"),
    )


def _judgement(value: object, what: str) -> AcousticBrainzClass | None:
    found: dict[str, Any] = read.optional_mapping(value, what)
    judged = read.text(found.get("value"), f"{what}.value")
    return AcousticBrainzClass(judged, read.number(found.get("probability"), f"{what}.probability")) if judged else None


class AcousticBrainzClient:
    """AcousticBrainz's analyses. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.low_level(["30cb03f3-bd95-43b0-9d41-6d75e13cd353"], fresh_since=since)

    async def low_level(
        self, mbids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, AcousticBrainzFeatures]:
        """Measures of the recordings by MBID as requested; unknown ones are missing.

        At most 25: raises ValueError for more. One that is no MBID makes AcousticBrainz refuse them all.
        """
        return await self._of_recordings(LOW_LEVEL, mbids, parse_low_level, fresh_since, features=";".join(FEATURES))

    async def high_level(
        self, mbids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, dict[str, AcousticBrainzClass]]:
        """Judgements of the recordings by MBID as requested, then by subject; unknown ones are missing.

        At most 25: raises ValueError for more. One that is no MBID makes AcousticBrainz refuse them all.
        """
        return await self._of_recordings(HIGH_LEVEL, mbids, parse_high_level, fresh_since)

    async def _of_recordings(
        self,
        endpoint: Endpoint,
        mbids: Sequence[str],
        parse: Callable[[object], dict[str, Parsed]],
        fresh_since: datetime | None,
        **params: str,
    ) -> dict[str, Parsed]:
        if len(mbids) > MOST_MBIDS:
            raise ValueError(f"{len(mbids)} recordings in one request to AcousticBrainz; it takes {MOST_MBIDS}.")
        if not mbids:
            return {}
        request = Request.get(endpoint, recording_ids=";".join(sorted({mbid.lower() for mbid in mbids})), **params)
        found = (await self._sender.send(request, parse, fresh_since=fresh_since)).body
        if found is None:
            raise ProviderFailure("acousticbrainz", endpoint.name, "acousticbrainz has nothing there to be asked")
        return {mbid: found[mbid.lower()] for mbid in mbids if mbid.lower() in found}
