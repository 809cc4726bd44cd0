"""The sandbox as a process and its control interface: started, asked, shrunk, and always ended."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from music_pipeline.sandbox.__main__ import parse_options
from music_pipeline.sandbox.options import OptionError, QuotaOverride, SandboxOptions, parse_quota, quota_settings
from music_pipeline.sandbox.process import running_sandbox
from music_pipeline.sandbox.registry import REGISTRY
from music_pipeline.sandbox.server import run
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import make_desk


def test_a_sandbox_tells_of_itself_and_its_artists(sandbox: Callable[..., Any], world: World) -> None:
    running = sandbox(speed=60.0, seed=1)
    info = running.info()
    assert (info["speed"], info["spotify_mode"], info["catalog"], info["seed"]) == (60.0, "development", None, 1)
    artists = running.artists(3)
    assert artists == [
        {"name": world.artists[key].name, "spotify_id": world.artists[key].spotify_id} for key in world.listed[:3]
    ]
    assert len(running.artists()) == len(world.listed)
    assert running.bound([artists[0]["name"]])["artists"][0]["spotify_id"] == artists[0]["spotify_id"]
    assert running.credits([artists[0]["spotify_id"]])
    assert set(running.stats()) == set(REGISTRY)


def test_a_sandbox_ends_with_its_block_even_when_that_fails() -> None:
    pids: list[int] = []
    with pytest.raises(KeyError):
        _fail_inside_a_sandbox(pids)
    assert not _lives(pids[0])


def _fail_inside_a_sandbox(pids: list[int]) -> None:
    with running_sandbox(seed=3) as running:
        pids.append(running.pid)
        assert httpx.get(f"{running.url}/_sandbox/info").json()["seed"] == 3
        raise KeyError


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_sandbox_ends_when_its_parent_is_killed() -> None:
    script = (
        "import sys, time\n"
        "from music_pipeline.sandbox.process import running_sandbox\n"
        "with running_sandbox(seed=3) as running:\n"
        "    print(running.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        sandbox_pid = int(parent.stdout.readline())
        handle = os.pidfd_open(sandbox_pid) if hasattr(os, "pidfd_open") else None
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    if handle is None:
        pytest.skip("this system has no pidfd to wait for another's child")
    ended, _, _ = select.select([handle], [], [], 10)
    os.close(handle)
    assert ended


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--speed", "0"], "speed"),
        (["--port", "70000"], "port"),
        (["--catalog", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--quota", "discogs=many"], "PROVIDER=N/W"),
        (["--quota", "nobody=1/1"], "there are spotify"),
        (["--quota", "discogs=0/1"], "above 0"),
        (["--catalog", __file__], ".jsonl of Discogs releases"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(arguments: list[str], word: str) -> None:
    with pytest.raises(OptionError, match=re.escape(word)):
        run(parse_options(arguments))


def test_unknown_spotify_mode_is_refused() -> None:
    with pytest.raises(click.UsageError, match="'development', 'extended'"):
        parse_options(["--spotify", "premium"])
    with pytest.raises(OptionError, match="development or extended"):
        SandboxOptions(spotify="premium")


def test_a_refusal_is_a_line_and_an_exit_code() -> None:
    command = [sys.executable, "-m", "music_pipeline.sandbox", "--speed", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ended.returncode == 2
    assert ended.stderr == "the speed must be more than 0, not 0\n"


def test_a_taken_port_is_said_to_be_taken(sandbox: Callable[..., Any]) -> None:
    port = int(sandbox(speed=60.0, seed=1).url.rpartition(":")[2])
    with pytest.raises(OptionError, match=f"port {port}"), running_sandbox(port=port):
        pass


def test_quotas_are_set_by_mode_and_by_hand() -> None:
    assert quota_settings(SandboxOptions())["spotify"].limit == 90
    assert quota_settings(SandboxOptions(spotify="extended"))["spotify"].limit == 300
    own = quota_settings(SandboxOptions(quotas=(parse_quota("musicbrainz=5/10"),)))["musicbrainz"]
    assert (own.rule, own.limit, own.window) == ("exponential", 5, 10.0)
    assert str(QuotaOverride("discogs", 60, 60.0)) == "discogs=60/60"


def test_options_travel_over_the_command_line(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.csv"
    catalog.touch()
    options = SandboxOptions(
        catalog=catalog,
        seed=4,
        spotify="extended",
        port=8123,
        speed=2.5,
        quotas=(parse_quota("genius=1/2"),),
        with_parent=True,
    )
    assert parse_options(options.arguments()) == options


def test_control_requests_are_no_requests_to_a_provider(world: World) -> None:
    desk = make_desk(world)
    for path in ("info", "artists", "stats", "faults"):
        assert desk.get(f"/_sandbox/{path}").status == 200
    assert sum(report["requests"] for report in desk.get("/_sandbox/stats").json.values()) == 0


def test_unknown_control_path_lists_the_known_ones(world: World) -> None:
    desk = make_desk(world)
    for method, path in (("GET", "nothing"), ("DELETE", "stats")):
        refused = desk.ask(method, f"/_sandbox/{path}")
        assert (refused.status, "GET stats" in refused.json["error"]) == (404, True)


def test_reset_counts_start_anew(world: World) -> None:
    desk = make_desk(world)
    desk.get("/genius/search", {"q": "x"})
    desk.ask("POST", "/_sandbox/reset_stats")
    desk.get("/genius/search", {"q": "x"})
    assert desk.statistics("genius")["requests"] == 1
    assert desk.statistics("genius")["repeats"] == 0


def test_a_shrunk_list_lacks_releases_and_its_total_agrees(world: World) -> None:
    desk = make_desk(world)
    artist = world.artists[world.listed[0]]
    path = f"/spotify/v1/artists/{artist.spotify_id}/albums"
    before = desk.get(path, {"limit": 10, "include_groups": "album,single,compilation"}).json
    body = f'{{"artist": "{artist.spotify_id}", "releases": 3}}'.encode()
    assert desk.ask("POST", "/_sandbox/shrink", body=body).status == 200
    after = desk.get(path, {"limit": 10, "include_groups": "album,single,compilation"}).json
    assert after["total"] == before["total"] - 3
    assert len(after["items"]) == min(10, after["total"])
    assert desk.ask("POST", "/_sandbox/shrink", body=b'{"artist": "Nobody", "releases": 3}').status == 404
    assert desk.ask("POST", "/_sandbox/shrink", body=b"{}").status == 400


def test_an_unknown_provider_is_answered_with_the_known(world: World) -> None:
    answer = make_desk(world).get("/soundcloud/tracks")
    assert answer.status == 404
    assert "/musicbrainz/" in answer.json["error"]
