"""The demo's figures and their goals: what was found, and what it cost. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = ("release", "track")
COUNTED_BY_TRACK = ("spotify", "musicbrainz", "discogs")
Place = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class FoundCredit:
    """A credit of the catalogue.

    `place`: the release's Spotify id, disc, position and class of role.
    """

    place: Place
    producer_ids: frozenset[str]
    level: str


@dataclass(frozen=True, slots=True)
class ServedCredit:
    """A credit that the sandbox serves.

    `direct`: on the track's own release, not only on another one.
    """

    place: Place
    producer_ids: frozenset[str]
    level: str
    direct: bool


@dataclass(slots=True)
class Agreement:
    """The credits of one level.

    `found` of the `served` ones were found, and `right` of the `claimed` ones are right.
    """

    served: int = 0
    found: int = 0
    claimed: int = 0
    right: int = 0

    @property
    def recall(self) -> float | None:
        return self.found / self.served if self.served else None

    @property
    def precision(self) -> float | None:
        return self.right / self.claimed if self.claimed else None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its goal. `passed` is None if there is no goal."""

    name: str
    value: float | int | str | None
    demanded: str = ""
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """The recordings of one source of enrichment, by result."""

    attempted: int
    found: int
    absent: int
    failed: int
    waiting: int
    unneeded: int
    skipped: int

    @property
    def share(self) -> float | None:
        """Found ÷ attempted. None if nothing was attempted."""
        return self.found / self.attempted if self.attempted else None


@dataclass(frozen=True, slots=True)
class Enriched:
    """The results of enrichment and of the look-up of profiles.

    `counts`: recordings by status. `profiles`: producers and what was found of them. `stats`: all that the sandbox
    counted, of discovery too.
    """

    counts: Mapping[str, int]
    sources: Mapping[str, SourceCoverage]
    requests: Mapping[str, int]
    profiles: Mapping[str, int]
    profile_requests: Mapping[str, int]
    stats: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Measured:
    """All that the demo measured.

    `stats`: the sandbox's counts between discovery and enrichment.
    """

    rows: Mapping[str, int]
    stats: Mapping[str, Mapping[str, Any]]
    enriched: Enriched
    bound: Mapping[str, Any]
    agreement: Mapping[str, Agreement]
    dead: int
    ambiguous: int
    still_open: int
    tracks_without_producer: int
    dagster_runs: int
    seconds: float
    second_run: Mapping[str, int]
    is_real_hundred: bool
    is_standard: bool

    @property
    def requests(self) -> dict[str, int]:
        """The requests of discovery by provider, as counted by the sandbox."""
        return {provider: int(counts["requests"]) for provider, counts in self.stats.items()}

    def total(self, name: str) -> int:
        """A count of the sandbox over all providers and steps."""
        return sum(int(counts[name]) for counts in self.enriched.stats.values())

    def enrichment_requests(self, *providers: str) -> int:
        """The requests of enrichment to these providers, or to all but Genius."""
        asked = providers or [name for name in self.enriched.requests if name != "genius"]
        return sum(self.enriched.requests[name] for name in asked)

    def enrichment_per_recording(self, *providers: str) -> float:
        """The requests of enrichment per recording. Without providers: all but Genius."""
        recordings, requests = self.rows["recordings"], self.enrichment_requests(*providers)
        return requests / recordings if recordings else float(requests)

    @property
    def enrichment_share_of_bound(self) -> float:
        """The requests of enrichment ÷ those of a client that knows who has what."""
        least, requests = int(self.bound["enrichment"]["total"]), self.enrichment_requests()
        return requests / least if least else float(requests)

    @property
    def requests_per_track(self) -> float:
        tracks = self.rows["tracks"]
        return sum(self.requests[provider] for provider in COUNTED_BY_TRACK) / tracks if tracks else float("inf")

    @property
    def share_of_bound(self) -> float:
        return sum(self.requests[provider] for provider in COUNTED_BY_TRACK) / int(self.bound["total"])

    @property
    def genius_per_gap(self) -> float:
        gaps = self.tracks_without_producer
        return self.requests["genius"] / gaps if gaps else float(self.requests["genius"])


def source_coverage(row: Mapping[str, Any]) -> SourceCoverage:
    """Convert a row of the statement `coverage_of_source`."""
    return SourceCoverage(
        attempted=row["attempted"],
        found=row["succeeded"],
        absent=row["absent"],
        failed=row["failed"],
        waiting=row["waiting"],
        unneeded=row["unneeded"],
        skipped=row["skipped"],
    )


def served_credit(row: Mapping[str, Any]) -> ServedCredit:
    """Convert a row of the sandbox's `/_sandbox/credits`."""
    return ServedCredit(
        place=(row["release_spotify_id"], row["disc"], row["position"], row["role_class"]),
        producer_ids=frozenset(f"{provider}:{one}" for provider, one in row["provider_ids"].items()),
        level=row["level"],
        direct=row["direct"],
    )


def found_credit(row: Mapping[str, Any]) -> FoundCredit:
    """Convert a row of the statement `credits_by_place`."""
    return FoundCredit(
        place=(row["release_id"], row["disc_number"], row["position"], row["role_class"]),
        producer_ids=frozenset(row["producer_ids"]),
        level="track" if "track" in row["levels"] else "release",
    )


def compare(served: Iterable[ServedCredit], found: Iterable[FoundCredit]) -> dict[str, Agreement]:
    """Compare by level: recall over direct credits, precision over all claims.

    Any shared id identifies a producer.
    """
    served_at, found_at = _by_place(served := list(served)), _by_place(found := list(found))
    agreement = {level: Agreement() for level in LEVELS}
    for credit in served:
        if credit.direct:
            agreement[credit.level].served += 1
            agreement[credit.level].found += _is_among(credit.producer_ids, found_at[credit.place])
    for claim in found:
        agreement[claim.level].claimed += 1
        agreement[claim.level].right += _is_among(claim.producer_ids, served_at[claim.place])
    return agreement


def missed(served: Iterable[ServedCredit], found: Iterable[FoundCredit]) -> list[ServedCredit]:
    """The direct credits that were not found."""
    found_at = _by_place(found)
    return [one for one in served if one.direct and not _is_among(one.producer_ids, found_at[one.place])]


def _by_place(credits: Iterable[ServedCredit | FoundCredit]) -> defaultdict[Place, list[frozenset[str]]]:
    places: defaultdict[Place, list[frozenset[str]]] = defaultdict(list)
    for credit in credits:
        places[credit.place].append(credit.producer_ids)
    return places


def _is_among(ids: frozenset[str], others: Iterable[frozenset[str]]) -> bool:
    return any(ids & other for other in others)


def figures(measured: Measured) -> list[Figure]:
    """The figures with goals, and whether they were met."""
    return [
        _at_most("seconds", measured.seconds, 60 if measured.is_standard else None),
        _at_most("Dagster runs", measured.dagster_runs, 5),
        _at_most("requests a track", measured.requests_per_track, 0.85 if measured.is_real_hundred else None),
        _at_most("requests, as a share of the bound", measured.share_of_bound, 1.10),
        _at_most("Genius, for each track without producer", measured.genius_per_gap, 1.0),
        *enrichment_figures(measured),
        *(_at_most(name, measured.total(name.replace(" ", "_")), 0) for name in ("repeats", "overruns", "early calls")),
        *(_at_least(f"recall, {level} level", measured.agreement[level].recall, 0.98) for level in LEVELS),
        *(_at_least(f"precision, {level} level", measured.agreement[level].precision, 0.99) for level in LEVELS),
        _at_most("second run: requests", measured.second_run["requests"], 0),
        _at_most("second run: rows written", measured.second_run["rows_written"], 0),
    ]


def enrichment_figures(measured: Measured) -> list[Figure]:
    """The requests of enrichment.

    The goals per recording apply to the real hundred only.
    """
    demanded = {(): 2.35, ("musicbrainz",): 0.02, ("spotify",): 0.02, ("discogs",): 0.0}
    return [
        _at_most("enrichment, requests as a share of the bound", measured.enrichment_share_of_bound, 1.10),
        *(
            _at_most(
                f"enrichment, requests a recording{' to ' if providers else ''}{', '.join(providers)}",
                measured.enrichment_per_recording(*providers),
                most if measured.is_real_hundred else None,
            )
            for providers, most in demanded.items()
        ),
    ]


def _at_most(name: str, value: float, most: float | None) -> Figure:
    if most is None:
        return Figure(name, value)
    return Figure(name, value, demanded=f"≤ {most:g}", passed=value <= most)


def _at_least(name: str, value: float | None, least: float) -> Figure:
    return Figure(name, value, demanded=f"≥ {least:g}", passed=None if value is None else value >= least)


def summary(measured: Measured) -> dict[str, Any]:
    """The demo's last line, as JSON values."""
    return {
        **measured.rows,
        "requests": measured.requests,
        "enrichment": dict(measured.enriched.counts),
        "coverage": {name: _rounded(one.share) for name, one in measured.enriched.sources.items()},
        "enrichment_requests": dict(measured.enriched.requests),
        "profiles": dict(measured.enriched.profiles),
        "profile_requests": dict(measured.enriched.profile_requests),
        "enrichment_requests_per_recording": round(measured.enrichment_per_recording(), 3),
        "enrichment_bound": {
            **measured.bound["enrichment"]["providers"],
            "total": measured.bound["enrichment"]["total"],
        },
        "enrichment_bound_share": round(measured.enrichment_share_of_bound, 3),
        "repeats": measured.total("repeats"),
        "overruns": measured.total("overruns"),
        "early_calls": measured.total("early_calls"),
        "dead": measured.dead,
        "ambiguous": measured.ambiguous,
        "still_open": measured.still_open,
        "dagster_runs": measured.dagster_runs,
        "seconds": round(measured.seconds, 1),
        "second_run": dict(measured.second_run),
        "bound": {**measured.bound["providers"], "total": measured.bound["total"]},
        "share_of_bound": round(measured.share_of_bound, 3),
        "requests_per_track": round(measured.requests_per_track, 3),
        "tracks_without_producer": measured.tracks_without_producer,
        "genius_per_gap": round(measured.genius_per_gap, 3),
        "recall": {level: _rounded(measured.agreement[level].recall) for level in LEVELS},
        "precision": {level: _rounded(measured.agreement[level].precision) for level in LEVELS},
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
