"""AcousticBrainz's API: low-level and high-level documents by MBID, singly or up to 25 at once, and the older paths.

This module holds the endpoints, the quota's headers and the errors. A bulk answer leaves out what is unknown.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.http import (
    Headers,
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    json_response,
    text_response,
)
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.base import Emulator, RefusedError, with_refusals
from music_pipeline.sandbox.quota import QuotaVerdict
from music_pipeline.sandbox.views import acousticbrainz_views as views
from music_pipeline.sandbox.world.audio_views import AcousticBrainzSounding, acousticbrainz_sounding
from music_pipeline.sandbox.world.model import WorldRecording

MOST_RECORDINGS = 25
UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
OVER_LIMIT = (
    "You have exceeded your rate limit. See the X-RateLimit-* response headers for more information on your current "
    "rate limit.\n"
)
Document = Callable[[SandboxRequest, WorldRecording, AcousticBrainzSounding, int], Json]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recording that a bulk request names: the MBID as it was written, and which of its submissions."""

    written: str
    offset: int


def message(status: int, text: str) -> SandboxResponse:
    """AcousticBrainz's error object."""
    return json_response({"message": text}, status)


class AcousticBrainz(Emulator):
    """The provider."""

    def __init__(self, knowledge: Knowledge, clock: SandboxClock) -> None:
        self.knowledge = knowledge
        self.clock = clock
        documents: dict[str, Document] = {"low-level": self._low_level, "high-level": self._high_level}
        endpoints = [self._endpoint("api/v1/count", "count", self.counts)]
        endpoints.append(self._endpoint("api/v1/(?P<mbid>[^/]+)/count", "{mbid}/count", self.count))
        for name, document in documents.items():
            single, bulk = partial(self._single, document), partial(self._bulk, document)
            endpoints.append(self._endpoint(f"api/v1/{name}", name, bulk))
            endpoints.append(self._endpoint(f"(?:api/v1/)?(?P<mbid>[^/]+)/{name}", f"{{mbid}}/{name}", single))
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(endpoints)

    @staticmethod
    def _endpoint(pattern: str, name: str, handle: Callable[..., SandboxResponse]) -> SandboxEndpoint:
        return SandboxEndpoint("GET", re.compile(f"/{pattern}"), name, with_refusals(handle, message))

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429, as a text."""
        return text_response(OVER_LIMIT, 429, "text/html; charset=utf-8")

    def quota_headers(self, limit: int, verdict: QuotaVerdict) -> Headers:
        """The headers that every answer has; `Reset` is in seconds of the epoch at speed 1."""
        reset = self.clock.source() + self.clock.real_seconds(verdict.reset_in)
        return (
            ("x-ratelimit-limit", str(limit)),
            ("x-ratelimit-remaining", str(max(0, limit - verdict.used))),
            ("x-ratelimit-reset-in", str(math.ceil(verdict.reset_in))),
            ("x-ratelimit-reset", str(math.ceil(reset))),
        )

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return message(404, "Not found")

    def _known(self, mbid: str) -> tuple[WorldRecording, AcousticBrainzSounding] | None:
        """A recording that was submitted: MusicBrainz must know it."""
        recording = self.knowledge.recordings.get(mbid.lower())
        sounding = acousticbrainz_sounding(recording) if recording else None
        return (recording, sounding) if recording and sounding else None

    def _low_level(
        self, request: SandboxRequest, recording: WorldRecording, sounding: AcousticBrainzSounding, offset: int
    ) -> Json:
        document = views.low_level(self.knowledge.world, recording, sounding, offset)
        features = request.first("features")
        return document if features is None else views.select_features(document, features.split(";"))

    def _high_level(
        self, request: SandboxRequest, recording: WorldRecording, sounding: AcousticBrainzSounding, offset: int
    ) -> Json:
        named = (request.first("map_classes") or "").lower() == "true"
        return views.high_level(self.knowledge.world, recording, sounding, named=named)

    def _single(self, document: Document, request: SandboxRequest, mbid: str) -> SandboxResponse:
        """GET /{mbid}/low-level?n= and its like."""
        known = self._known(mbid) if re.fullmatch(UUID, mbid) else None
        offset = _offset(request.first("n") or "0")
        if known is None or offset >= views.submissions(known[0]):
            return message(404, "Not found")
        return json_response(document(request, known[0], known[1], offset))

    def _bulk(self, document: Document, request: SandboxRequest) -> SandboxResponse:
        """GET /low-level?recording_ids=a;b:1 and its like: unknown recordings are missing."""
        wanted = _wanted(request)
        found: Json = {}
        for each in wanted:
            known = self._known(each.written)
            if known is not None and each.offset < views.submissions(known[0]):
                shown = document(request, known[0], known[1], each.offset)
                found.setdefault(each.written.lower(), {})[str(each.offset)] = shown
        return json_response(found | {"mbid_mapping": _mapping(wanted)})

    def count(self, request: SandboxRequest, mbid: str) -> SandboxResponse:
        """GET /{mbid}/count."""
        if not re.fullmatch(UUID, mbid):
            return message(404, "Not found")
        known = self._known(mbid)
        return json_response({"mbid": mbid.lower(), "count": views.submissions(known[0]) if known else 0})

    def counts(self, request: SandboxRequest) -> SandboxResponse:
        """GET /count?recording_ids=."""
        wanted = _wanted(request)
        known = {each.written.lower(): self._known(each.written) for each in wanted}
        counts: Json = {mbid: {"count": views.submissions(each[0])} for mbid, each in known.items() if each}
        return json_response(counts | {"mbid_mapping": _mapping(wanted)})


def _offset(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise RefusedError(400, "Offset must be an integer value")
    return int(text)


def _wanted(request: SandboxRequest) -> list[Wanted]:
    text = request.first("recording_ids")
    if not text:
        raise RefusedError(400, "Missing `recording_ids` parameter")
    wanted: dict[Wanted, None] = {}
    for each in filter(None, text.split(";")):
        mbid, _, offset = each.partition(":")
        if not re.fullmatch(UUID, mbid):
            raise RefusedError(400, f"'{mbid}' is not a valid UUID")
        wanted[Wanted(mbid, _offset(offset or "0"))] = None
    if len(wanted) > MOST_RECORDINGS:
        raise RefusedError(400, f"More than {MOST_RECORDINGS} recordings not allowed per request")
    return list(wanted)


def _mapping(wanted: list[Wanted]) -> dict[str, str]:
    """The MBIDs that were not written in lower case, each with the key of its answer."""
    return {each.written: each.written.lower() for each in wanted if each.written != each.written.lower()}
