"""Look up an artist's credits at Discogs, release by release."""

from collections.abc import Sequence
from functools import partial

from music_pipeline.catalog.provider_answers import AnswerOutcome
from music_pipeline.providers.discogs import DiscogsHit, DiscogsRelease
from music_pipeline.providers.records import Page
from music_pipeline.stages.credits.discogs_matching import discogs_credits, likely_hits, release_facts
from music_pipeline.stages.credits.held_releases import ReleaseToMatch
from music_pipeline.stages.credits.lookup import CreditLookup, Findings, sum_findings
from music_pipeline.stages.credits.release_pairing import pair
from music_pipeline.worker.concurrency import gather_results, split_results
from music_pipeline.worker.paging import is_complete, read_list
from music_pipeline.worker.stage import fresh_since

MOST_TRIES_PER_RELEASE = 2


async def look_up_at_discogs(lookup: CreditLookup) -> Findings:
    """Read each release at Discogs: by the id that MusicBrainz links, or by one search over the artist."""
    ids = {
        release.held.release_id: lookup.discogs_ids.get(release.held.release_id, ())
        for release in lookup.catalogue.releases
    }
    unlinked = [release for release in lookup.catalogue.releases if not ids[release.held.release_id]]
    pages = await _search(lookup) if unlinked else None
    if pages is not None:
        hits = {hit.id: hit for page in pages for hit in page.items}.values()
        ids |= {release.held.release_id: [hit.id for hit in likely_hits(release, hits)] for release in unlinked}
    results = await gather_results(
        _read_release(lookup, release, ids[release.held.release_id]) for release in lookup.catalogue.releases
    )
    parts, setback = split_results(results)
    found = sum_findings(parts)
    if setback is not None:
        return sum_findings([found, lookup.failed("discogs", "releases", setback)])
    is_whole = (pages is None or _is_complete(pages)) and not found.missing
    outcome: AnswerOutcome = "found" if found.discogs_ids else "absent"
    answered = lookup.answered("discogs", "releases", outcome if is_whole else "partial", items=len(found.discogs_ids))
    doubt = Findings() if is_whole else lookup.contradicted("discogs", "releases")
    return sum_findings([found, answered, doubt])


async def _search(lookup: CreditLookup) -> list[Page[DiscogsHit]]:
    """Search for every release of the artist's name."""
    search = partial(lookup.context.providers.discogs.search_releases, lookup.catalogue.artist.name)
    return await read_list(lookup.context, lookup.item.cutoff, search, _is_complete, are_numbered=True)


def _is_complete(pages: list[Page[DiscogsHit]]) -> bool:
    return is_complete({hit.id for page in pages for hit in page.items}, pages)


async def _read_release(lookup: CreditLookup, release: ReleaseToMatch, ids: Sequence[str]) -> Findings:
    """Read Discogs releases until one of them is the held one, and take over its credits."""
    missing: set[tuple[str, str]] = set()
    for discogs_id in ids[:MOST_TRIES_PER_RELEASE]:
        listed = await lookup.context.providers.discogs.release(discogs_id, fresh_since=fresh_since(lookup.item))
        if listed is None:
            missing.add(("discogs", discogs_id))
        elif (found := _findings(release, listed)) is not None:
            return sum_findings([found, Findings(missing=frozenset(missing))])
    return Findings(missing=frozenset(missing))


def _findings(release: ReleaseToMatch, listed: DiscogsRelease) -> Findings | None:
    """The credits of a Discogs release, if it is the held one."""
    pairing = pair(release, release_facts(listed))
    if pairing is None:
        return None
    stated = discogs_credits(release, listed, pairing)
    notes = tuple(
        f"The range {problem.text!r} of a credit names {problem.part!r}, which is no track of release {listed.id}."
        for problem in stated.unreadable
    )
    return Findings(
        credits=stated.credits,
        places_read=frozenset([("discogs", listed.id)]),
        notes=tuple(("discogs", note) for note in notes),
        discogs_ids={release.held.release_id: [listed.id]},
    )
