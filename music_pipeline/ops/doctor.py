"""What could be wrong with an installation, and what to do about it.

`music_pipeline.cli.doctor` prints the findings. Dagster's health comes from `music_pipeline.defs.instance.health`.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from music_pipeline.database import embedded
from music_pipeline.database.queries import query
from music_pipeline.gateway.addresses import sandbox_info
from music_pipeline.gateway.provider import Provider
from music_pipeline.ops.quotas import daily_quota_status
from music_pipeline.providers.availability import CONTACT, how_to_set, missing_settings
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import Settings
from music_pipeline.stages.enrichment.sources import SOURCES

GIBIBYTE = 1024**3
DISK_WRONG = 1 * GIBIBYTE
DISK_LOW = 5 * GIBIBYTE
# Without it no artist is found. Any other missing provider is skipped, visibly.
INDISPENSABLE = "spotify"

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `advice`: what to do, if anything."""

    subject: str
    state: State
    text: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class DagsterHealth:
    """`daemon_errors`: the last errors of the daemon.

    `…_on`, `…_off`: names of schedules and sensors.
    """

    daemon_alive: bool
    daemon_errors: tuple[str, ...]
    schedules_on: tuple[str, ...]
    schedules_off: tuple[str, ...]
    sensors_on: tuple[str, ...] = ()
    sensors_off: tuple[str, ...] = ()


def database_findings(engine: sa.Engine, configured: Settings) -> Iterator[Finding]:
    """The server and the schema. The engine is migrated already."""
    with engine.connect() as connection:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
        applied = connection.execute(query("applied_migrations")).all()
    if configured.database_url is None:
        where = f"embedded, in {embedded.cluster_of(configured.home).folder}"
    else:
        where = f"{engine.url.host or engine.url.query.get('host')}, database {engine.url.database}"
    yield Finding("database", "ok", f"Postgres {version}, {where}")
    yield Finding("migrations", "ok", f"all {len(applied)} are applied")


def dagster_findings(health: DagsterHealth) -> Iterator[Finding]:
    """The daemon, the schedules and the sensors."""
    if not health.daemon_alive:
        yield Finding("daemon", "wrong", "Dagster's daemon gives no sign of life", "start it with `make dev`")
    elif health.daemon_errors:
        yield Finding("daemon", "wrong", f"Dagster's daemon reports: {health.daemon_errors[0]}", "see its log")
    else:
        yield Finding("daemon", "ok", "Dagster's daemon is alive")
    yield _switch_finding("schedules", health.schedules_on, health.schedules_off)
    yield _switch_finding("sensors", health.sensors_on, health.sensors_off)


def _switch_finding(subject: str, on: Sequence[str], off: Sequence[str]) -> Finding:
    if not off:
        return Finding(subject, "ok", f"{len(on)} are on")
    advice = "switch them on in the Dagster UI, or start with `make dev`"
    return Finding(subject, "wrong", f"off: {', '.join(off)}", advice)


def sandbox_finding(configured: Settings) -> Finding:
    """Sandbox or real providers, and the speed of the sandbox's time."""
    if configured.sandbox_url is None:
        return Finding("providers", "ok", "the real ones")
    try:
        info = sandbox_info(configured.sandbox_url)
    except httpx.HTTPError as error:
        text = f"no sandbox answers at {configured.sandbox_url} ({type(error).__name__})"
        advice = (
            f"start it: music-pipeline sandbox --port {urlsplit(configured.sandbox_url).port}, or for the demo's "
            "music-pipeline --demo sandbox; or unset MUSIC_SANDBOX_URL"
        )
        return Finding("providers", "wrong", text, advice)
    mode = f"Spotify in {info.get('spotify_mode')} mode"
    text = f"the sandbox at {configured.sandbox_url}, {info['speed']} times as fast, {mode}"
    return Finding("providers", "ok", text)


def provider_findings(engine: sa.Engine, configured: Settings) -> Iterator[Finding]:
    """The credentials, account limits and obstacles of each provider."""
    with engine.connect() as connection:
        rows = connection.execute(query("provider_obstacles")).all()
        obstacles = {row.provider: _obstacle(row) for row in rows if row.provider in PROVIDERS}
        limits = connection.execute(query("learnt_capabilities")).all()
    days = {one.provider: one for one in daily_quota_status(engine, configured) or ()}
    for provider in PROVIDERS.values():
        if provider.name in days and days[provider.name].paused:
            period = days[provider.name].quota.period
            setting = f"{provider.name.upper()}_{'DAILY' if period == 'day' else 'MONTHLY'}_QUOTA"
            advice = f"it goes on by itself; {setting} sets the calls per {period}"
            yield Finding(f"{provider.name} quota", "note", days[provider.name].text, advice)
        learnt = [f"{row.capability} {row.value}" for row in limits if row.provider == provider.name]
        yield _provider_finding(engine, configured, provider, obstacles, learnt)


def _obstacle(row: sa.Row[Any]) -> Finding:
    text = f"{row.kind}, until {row.until:%Y-%m-%d %H:%M} UTC: {row.reason}"
    if row.kind == "credentials_refused":
        advice = "store the right ones: " + how_to_set(PROVIDERS[row.provider].credentials)
    else:
        advice = "see `music-pipeline status`; it ends by itself"
    return Finding(row.provider, "wrong", text, advice)


def _provider_finding(
    engine: sa.Engine, configured: Settings, provider: Provider, obstacles: Mapping[str, Finding], learnt: list[str]
) -> Finding:
    if provider.name in obstacles:
        return obstacles[provider.name]
    missing = missing_settings(engine, provider)
    if missing == [CONTACT]:
        advice = "set MUSICBRAINZ_CONTACT to a mail or web address: MusicBrainz refuses clients without one"
        return Finding(provider.name, "wrong", "has no contact address of yours", advice)
    if missing:
        return _without_credentials(provider, missing)
    mode = f"; learnt: {', '.join(learnt)}" if learnt else ""
    had = "needs no credentials" if not provider.credentials else "has its credentials"
    return Finding(provider.name, "ok", ("is emulated" if configured.sandbox_url else had) + mode)


def enrichment_findings(engine: sa.Engine) -> Iterator[Finding]:
    """The sources that enrichment skips, with what to set. They are no failure."""
    with engine.connect() as connection:
        skipped = connection.execute(query("skipped_sources")).all()
    for row in skipped:
        text = f"is skipped, for {row.recordings:,} recordings: {row.error}"
        yield Finding(f"source {row.source}", "note", text, advice_on_skipped(engine, row.source))


def advice_on_skipped(engine: sa.Engine, source: str) -> str | None:
    """What to set so that the next sweep fetches a skipped source.

    None if no setting would help.
    """
    if source not in SOURCES:
        return None
    provider = PROVIDERS[SOURCES[source].provider]
    missing = missing_settings(engine, provider)
    if not (missing or _may_be_asked(engine, provider)):
        return None
    at_once = f"music-pipeline reprocess --source {source} --trigger-now"
    then = (
        f"then the next sweep fetches it, or at once {at_once}"
        if missing
        else f"the next sweep fetches it, or {at_once}"
    )
    return "; ".join([how_to_set(missing), then] if missing else [then])


def _may_be_asked(engine: sa.Engine, provider: Provider) -> bool:
    """Whether no endpoint of the provider turned out to be gone for our account."""
    with engine.connect() as connection:
        learnt = connection.execute(query("learnt_capabilities")).all()
    return not any(row.provider == provider.name and row.value == "gone" for row in learnt)


def _without_credentials(provider: Provider, missing: list[str]) -> Finding:
    state: State = "wrong" if provider.name == INDISPENSABLE else "note"
    text = f"has no {' and no '.join(missing)}" + ("" if state == "wrong" else ", and is skipped")
    return Finding(provider.name, state, text, how_to_set(missing))


def disk_finding(folder: Path) -> Finding:
    """The free space where our data lies."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / GIBIBYTE:.1f} GiB are free in {existing}"
    if free < DISK_WRONG:
        return Finding("disk", "wrong", text, "make room, or move MUSIC_PIPELINE_HOME")
    return Finding("disk", "note" if free < DISK_LOW else "ok", text, "make room soon" if free < DISK_LOW else None)


def data_folder(configured: Settings) -> Path:
    """The folder where the data grows: the embedded server's, otherwise our home."""
    if configured.database_url is not None:
        return configured.home
    return embedded.cluster_of(configured.home).folder
