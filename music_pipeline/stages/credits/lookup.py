"""One artist whose credits are looked up (`CreditLookup`), and what was found (`Findings`)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Link
from music_pipeline.catalog.provider_answers import AnswerOutcome, ProviderAnswer, ask_for_review
from music_pipeline.gateway.errors import CredentialsMissing, OutOfTime, ProviderError, ProviderRefused
from music_pipeline.matching.artists import ArtistChoice
from music_pipeline.matching.evidence import ProviderId
from music_pipeline.providers.musicbrainz_records import MusicBrainzArtist
from music_pipeline.stages.credits.held_releases import HeldCatalogue
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.concurrency import Setback
from music_pipeline.worker.paging import contradiction
from music_pipeline.worker.stage import StageContext

MOST_CANDIDATES = 4

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Findings:
    """What look-ups found.

    `places_read`: releases, recordings and songs of providers that were read completely. `missing`: those that a
    provider names and does not give. `answers`: by provider and question. `setbacks`: by provider.
    """

    credits: tuple[FoundCredit, ...] = ()
    links: tuple[Link, ...] = ()
    places_read: frozenset[ProviderId] = frozenset()
    missing: frozenset[ProviderId] = frozenset()
    answers: Mapping[tuple[str, str], ProviderAnswer] = field(default_factory=dict)
    setbacks: Mapping[str, Setback] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    artist_mbid: str | None = None
    release_mbids: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    recording_mbids: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    discogs_ids: Mapping[UUID, Sequence[str]] = field(default_factory=dict)

    @property
    def credited(self) -> frozenset[UUID]:
        """The recordings for which a producer was found."""
        return frozenset(credit.recording_id for credit in self.credits)


def sum_findings(findings: Iterable[Findings]) -> Findings:
    """Add findings up. Of two answers to one question, and of two sets of ids, the later counts."""
    parts = list(findings)
    return Findings(
        credits=tuple(credit for part in parts for credit in part.credits),
        links=tuple(link for part in parts for link in part.links),
        places_read=frozenset[ProviderId]().union(*(part.places_read for part in parts)),
        missing=frozenset[ProviderId]().union(*(part.missing for part in parts)),
        answers=_merged(part.answers for part in parts),
        setbacks=_merged(part.setbacks for part in parts),
        notes=tuple(note for part in parts for note in part.notes),
        artist_mbid=next((part.artist_mbid for part in reversed(parts) if part.artist_mbid is not None), None),
        release_mbids=_merged(part.release_mbids for part in parts),
        recording_mbids=_merged(part.recording_mbids for part in parts),
        discogs_ids=_merged(part.discogs_ids for part in parts),
    )


def _merged(mappings: Iterable[Mapping[Key, Value]]) -> dict[Key, Value]:
    return {key: value for mapping in mappings for key, value in mapping.items()}


@dataclass(frozen=True, slots=True)
class CreditLookup:
    """One artist whose credits are looked up, with what is known so far.

    `credited`: recordings that have a producer. `mbids`: MusicBrainz artists linked to this one. `namesakes`:
    MusicBrainz artists of its name, or close to it; None if they were not searched. `mbid_setback`: why it is not known
    which MusicBrainz artists are linked. `discogs_ids`: the Discogs releases of each release.
    """

    context: StageContext
    item: WorkItem
    catalogue: HeldCatalogue
    credited: frozenset[UUID]
    discogs_ids: Mapping[UUID, Sequence[str]]
    mbids: tuple[str, ...] = ()
    namesakes: tuple[MusicBrainzArtist, ...] | None = None
    mbid_setback: Setback | None = None

    @property
    def without_producer(self) -> frozenset[UUID]:
        """The recordings for which no producer is known."""
        return frozenset(self.catalogue.recordings) - self.credited

    def answered(self, provider: str, question: str, outcome: AnswerOutcome, **facts: Any) -> Findings:
        """How a provider answered. `facts`: further fields of the ProviderAnswer."""
        answer = ProviderAnswer(
            self.catalogue.artist.artist_id, provider=provider, question=question, outcome=outcome, **facts
        )
        return Findings(answers={(provider, question): answer})

    def failed(self, provider: str, question: str, error: Setback) -> Findings:
        """Record a failed look-up. Missing credentials: skipped. A refusal is not retried."""
        if isinstance(error, CredentialsMissing):
            return self.answered(provider, question, "skipped", error=error.text)
        answered = self.answered(provider, question, "failed", error=str(error))
        if isinstance(error, ProviderRefused):
            return sum_findings([answered, Findings(notes=((provider, error.text),))])
        return sum_findings([answered, Findings(setbacks={provider: error})])

    def contradicted(self, provider: str, question: str) -> Findings:
        """Record an inconsistent list: retry it twice, then accept what there is."""
        failure = contradiction(self.item, provider, f"{self.catalogue.artist.name}'s list")
        return Findings() if failure is None else self.failed(provider, question, failure)

    async def ask_which_artist(self, kind: str, choice: ArtistChoice) -> None:
        """Let a person decide which of a provider's artists is this one."""
        artist = self.catalogue.artist
        question = f"Which of these is {artist.name} ({artist.artist_key})?"
        await self.context.in_database(
            lambda connection: ask_for_review(
                connection, kind=kind, subject=str(artist.artist_id), question=question, choice=choice
            )
        )


LookUp = Callable[[CreditLookup], Awaitable[Findings]]


async def attempt(lookup: CreditLookup, provider: str, question: str, look_up: LookUp) -> Findings:
    """Look up at one provider. Its errors stop no other provider."""
    try:
        return await look_up(lookup)
    except (ProviderError, OutOfTime) as error:
        return lookup.failed(provider, question, error)
