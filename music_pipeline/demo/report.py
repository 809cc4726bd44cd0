"""The demo's report in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from music_pipeline.demo.figures import Figure, Measured, figures

VERDICTS = {True: "[green]pass", False: "[red]miss", None: ""}


def print_report(console: Console, measured: Measured, credits: Sequence[Mapping[str, Any]]) -> None:
    """Print the catalogue, some credits, enrichment, the requests and the figures."""
    console.print(catalogue_table(measured))
    console.print(credits_table(credits))
    console.print(enrichment_table(measured))
    console.print(requests_table(measured))
    console.print(figures_table(figures(measured)))
    console.print(
        "The data stays. Try music-pipeline --demo status, … --demo export credit_view and … --demo db psql. "
        "… --demo sandbox serves the providers again."
    )
    if measured.still_open:
        console.print(f"[yellow]{measured.still_open} pieces of work are still open: music-pipeline --demo status")


def catalogue_table(measured: Measured) -> Table:
    """The row counts."""
    table = Table("", "rows", title="The catalogue")
    counts = {**measured.rows, "dead work": measured.dead, "names that were ambiguous": measured.ambiguous}
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    return table


def credits_table(credits: Sequence[Mapping[str, Any]]) -> Table:
    """Some credits, with their sources."""
    table = Table("producer", "credited as", "role", "track", "artist", "sources", "confidence", title="Some producers")
    for credit in credits:
        table.add_row(
            credit["producer"],
            credit["credited_as"],
            f"{credit['role']} ({credit['role_class']})",
            credit["track"],
            credit["artist"],
            ", ".join(credit["sources"]),
            f"{credit['confidence']:.2f}",
        )
    return table


def enrichment_table(measured: Measured) -> Table:
    """The recordings of each source of enrichment, by result."""
    counts = ", ".join(f"{count:,} {status}" for status, count in measured.enriched.counts.items())
    columns = ("source", "attempted", "found", "share", "absent", "failed", "waiting", "unneeded", "skipped")
    profiles = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in measured.enriched.profiles.items())
    table = Table(*columns, title=f"Enrichment: {counts}", caption=f"Profiles: {profiles}")
    for name, one in measured.enriched.sources.items():
        share = "" if one.share is None else f"{one.share:.0%}"
        rest = (one.absent, one.failed, one.waiting, one.unneeded, one.skipped)
        table.add_row(name, f"{one.attempted:,}", f"{one.found:,}", share, *(f"{count:,}" for count in rest))
    return table


def requests_table(measured: Measured) -> Table:
    """The requests per provider and step, with those of a perfect client."""
    columns = (
        "provider",
        "discovery",
        "bound",
        "enrichment",
        "its bound",
        "profiles",
        "repeats",
        "overruns",
        "early calls",
    )
    table = Table(*columns, title="Requests")
    for provider, counts in measured.enriched.stats.items():
        enriched, bound = measured.enriched, measured.bound
        asked = (measured.requests[provider], bound["providers"].get(provider))
        added = (enriched.requests[provider], bound["enrichment"]["providers"].get(provider))
        numbers = (
            *asked,
            *added,
            enriched.profile_requests[provider],
            counts["repeats"],
            counts["overruns"],
            counts["early_calls"],
        )
        table.add_row(provider, *("" if number is None else f"{number:,}" for number in numbers))
    return table


def figures_table(judged: Sequence[Figure]) -> Table:
    """The figures with their goals."""
    table = Table("figure", "value", "demanded", "", title="Figures")
    for figure in judged:
        value = f"{figure.value:.3f}" if isinstance(figure.value, float) else str(figure.value)
        table.add_row(figure.name, value, figure.demanded, VERDICTS[figure.passed])
    return table
