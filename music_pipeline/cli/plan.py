"""The `plan` command: forecast calls and time."""

import json
from dataclasses import asdict
from typing import Any

import click
import httpx

from music_pipeline.cli.terminal import human_duration, open_database, show_table, utc_time
from music_pipeline.gateway.addresses import sandbox_speed
from music_pipeline.ops.forecast import Forecast, ProviderForecast, forecast
from music_pipeline.ops.quotas import DayUse
from music_pipeline.settings import settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def plan(as_json: bool) -> None:
    """Show the calls that open work needs of each provider, what is left of the quotas, and when it would be done."""
    engine = open_database()
    url = settings().sandbox_url
    try:
        speed = sandbox_speed(url) if url else 1.0
    except httpx.HTTPError as error:
        raise click.ClickException(f"No sandbox answers at {url}, so the speed of its time is unknown.") from error
    ahead = forecast(engine, sandboxed=url is not None, speed=speed)
    if as_json:
        click.echo(json.dumps(as_data(ahead)))
    else:
        _show(ahead)


def as_data(ahead: Forecast) -> dict[str, Any]:
    """The forecast as JSON values, with times in ISO 8601."""
    return {
        "at": ahead.at.isoformat(),
        "artists": {"known": ahead.known, "assumed": ahead.assumed},
        "producers": ahead.producers,
        "typical_artist": asdict(ahead.typical),
        "slowest": ahead.slowest.provider if ahead.slowest else None,
        "done_at": ahead.slowest.done_at.isoformat() if ahead.slowest else None,
        "providers": {one.provider: _provider_data(one) for one in ahead.providers},
    }


def _provider_data(one: ProviderForecast) -> dict[str, Any]:
    return {
        "calls": one.calls,
        "a_second": round(one.a_second, 3),
        "left_now": one.left_now,
        "day": _day_data(one.day) if one.day and one.day.quota.period == "day" else None,
        "month": _day_data(one.day) if one.day and one.day.quota.period == "month" else None,
        "obstacle": {"what": one.obstacle.what, "until": _iso(one)} if one.obstacle else None,
        "done_at": one.done_at.isoformat(),
    }


def _day_data(day: DayUse) -> dict[str, Any]:
    return {"limit": day.quota.limit, "left": day.left, "waits": [who.name.lower() for who in day.paused]}


def _iso(one: ProviderForecast) -> str | None:
    return one.obstacle.until.isoformat() if one.obstacle and one.obstacle.until else None


def _show(ahead: Forecast) -> None:
    show_table(
        "Calls that open work needs",
        ("provider", "calls", "left in this window", "left", "blocked by", "done (UTC)"),
        [_row(one) for one in ahead.providers if one.calls or one.obstacle],
    )
    slowest = ahead.slowest
    if slowest is None:
        click.echo("No call is needed.")
    else:
        when = f"at {utc_time(slowest.done_at)} UTC, in {human_duration(slowest.done_at - ahead.at)}"
        click.echo(f"All would be done {when}; the slowest is {slowest.provider}.")
    click.echo(_basis(ahead))


def _row(one: ProviderForecast) -> tuple[object, ...]:
    hindered = one.obstacle and f"{one.obstacle.what} until {utc_time(one.obstacle.until) or 'it closes'}"
    pause = one.day.who_waits if one.day and one.day.paused else None
    left = f"{one.day.left:,} of {one.day.quota.limit:,} a {one.day.quota.period}" if one.day else None
    done = utc_time(one.done_at) if one.calls else None
    return one.provider, f"{one.calls:,}", f"{one.left_now:,}", left, hindered or pause, done


def _basis(ahead: Forecast) -> str:
    """What the forecast is based on."""
    parts = []
    if ahead.known:
        parts.append(f"{ahead.known:,} artists whose releases are known")
    if ahead.assumed:
        typical = ahead.typical
        whose = "the mean of this catalogue" if typical.measured else "an assumption"
        size = f"{typical.releases:.0f} releases and {typical.tracks:.0f} tracks each"
        parts.append(f"{ahead.assumed:,} of {size}, {whose}")
    if ahead.producers:
        parts.append(f"{ahead.producers:,} producers")
    return f"Based on {'; '.join(parts)}." if parts else "No work is open."
