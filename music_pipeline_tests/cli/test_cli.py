"""The command line on a real database: what it does, what it prints, and with which exit code it ends."""

import importlib.util
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.cli import database as data
from music_pipeline.cli import main
from music_pipeline.gateway.addresses import sandbox_info, sandbox_speed
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import PROJECT
from music_pipeline.work.dead_letters import cancel, list_dead
from music_pipeline.work.finish import bury, finish, retry
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.sweeps import begin_sweep
from music_pipeline_tests.support.ledger import ask, claim, rows

SPOTIFY_ID = "1dfeR4HaWDbWqFHLkxsg1d"


class Terminal:
    """Runs commands in this process and keeps what the last one printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.out = self.err = ""

    def run(self, *arguments: str) -> int:
        code = main.run(arguments)
        self.out, self.err = self.capture.readouterr()
        return code


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def as_process(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from music_pipeline.cli.main import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=PROJECT,
        **options,
    )


def test_env_prints_lines_that_a_shell_understands(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "it's a home"
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(home))
    monkeypatch.setenv("MUSIC_SANDBOX_URL", "http://127.0.0.1:1/")
    assert terminal.run("env") == 0
    script = f"DATABASE_URL=other\n{terminal.out}\nenv"
    shell = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/bin:/usr/bin"}
    )
    seen = dict(line.split("=", 1) for line in shell.stdout.splitlines() if "=" in line)
    assert seen["MUSIC_PIPELINE_HOME"] == str(home)
    assert seen["DAGSTER_HOME"] == str(PROJECT)
    assert importlib.util.find_spec(seen["DAGSTER_CLI_ASSET_LIST_MODULE_NAME"]) is not None
    # With this one the webserver and the daemon of `dagster dev` would hang at their start.
    assert "DAGSTER_MODULE_NAME" not in seen
    assert seen["MUSIC_SANDBOX_URL"] == "http://127.0.0.1:1"
    assert "DATABASE_URL" not in seen


def test_plain_dagster_lists_the_assets_of_the_data_that_env_names(engine: sa.Engine, tmp_path: Path) -> None:
    variables = data.environment()
    listed = subprocess.run(
        [Path(sys.executable).with_name("dagster"), "asset", "list"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {name: value for name, value in variables.items() if value is not None},
    )
    assert listed.returncode == 0, listed.stderr
    assert {"artists", "releases", "tracks", "producers", "queue/artists"} <= set(listed.stdout.split())


def test_the_demos_data_is_looked_at_with_an_option(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://operator@nowhere/catalogue")
    monkeypatch.delenv("MUSIC_SANDBOX_URL", raising=False)
    assert terminal.run("--demo", "env") == 1
    assert "make demo" in terminal.err
    (tmp_path / "demo").mkdir()
    record_sandbox(tmp_path / "demo", port=4711)
    environment = os.environ | {"MUSIC_PIPELINE_HOME": str(tmp_path)}
    shown = as_process("--demo", "env", env=environment)
    assert f"export MUSIC_PIPELINE_HOME={tmp_path}/demo" in shown.stdout
    assert "export MUSIC_SANDBOX_URL=http://127.0.0.1:4711" in shown.stdout
    assert "unset DATABASE_URL" in shown.stdout
    named = as_process("--demo", "env", env=environment | {"MUSIC_SANDBOX_URL": "http://127.0.0.1:4712"})
    assert "export MUSIC_SANDBOX_URL=http://127.0.0.1:4712" in named.stdout


def record_sandbox(home: Path, *, port: int) -> None:
    record = {"url": f"http://127.0.0.1:{port}", "catalog": None, "seed": 2, "speed": 60.0, "artists": 25}
    (home / "sandbox.json").write_text(json.dumps(record))


def test_psql_opens_on_the_catalogues_schema_without_the_password_in_its_arguments(engine: sa.Engine) -> None:
    asked = as_process(
        "db", "psql", "--", "-tA",
        "-c", "SELECT current_schema(), count(*) FROM artists",
        "-c", "SELECT already_enqueued FROM start_artist_discovery('Nina Simone')",
    )  # fmt: skip
    assert asked.stdout.split() == ["music|0", "f"]
    assert asked.returncode == 0
    (item,) = claim(engine)
    assert item.payload == {"artistName": "Nina Simone"}
    failed = as_process("db", "psql", "--", "-c", "SELECT * FROM nowhere")
    assert failed.returncode == 1
    assert engine.url.password is not None
    assert str(engine.url.password) not in failed.stderr + failed.stdout


@pytest.mark.parametrize("in_query", [False, True])
def test_the_password_is_not_among_the_arguments_of_psql(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, in_query: bool
) -> None:
    given = sa.make_url(os.environ["DATABASE_URL"])
    password = str(given.password)
    if in_query:
        plain = sa.URL.create("postgresql", given.username, None, given.host, given.port, given.database, given.query)
        given = plain.update_query_dict({"password": password})
    monkeypatch.setenv("DATABASE_URL", given.render_as_string(hide_password=False))
    asked = as_process("db", "psql", "--", "-tA", "-c", r"\! ps -ww -o args= -p $PPID", "-c", "SELECT 'in'")
    arguments, answer = asked.stdout.splitlines()
    assert (asked.returncode, answer) == (0, "in")
    assert "psql" in arguments
    assert str(given.database) in arguments
    assert password not in arguments


def test_db_url_is_the_databases_and_migrate_says_what_it_did(
    terminal: Terminal, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert terminal.run("db", "url") == 0
    assert terminal.out.strip() == empty_database_url
    assert terminal.run("db", "migrate") == 0
    assert "Applied 0001_catalog.sql." in terminal.out
    assert "Applied 0002_work.sql." in terminal.out
    assert terminal.run("db", "migrate") == 0
    assert terminal.out == "All migrations are applied.\n"


def test_a_server_that_is_not_ours_is_not_stopped(terminal: Terminal, engine: sa.Engine) -> None:
    assert terminal.run("db", "stop") == 1
    assert "not ours" in terminal.err
    assert claim(engine) == []


def test_discover_says_what_became_of_each_and_how_long_it_will_take(terminal: Terminal, engine: sa.Engine) -> None:
    assert terminal.run("discover", "Nina Simone", "  nina simone", SPOTIFY_ID) == 0
    first, second, third, estimate = terminal.out.splitlines()
    assert re.fullmatch(r"Nina Simone: enqueued \([0-9a-f-]{36}\)", first)
    assert second.startswith("nina simone: already enqueued")
    assert third.startswith(f"{SPOTIFY_ID}: enqueued")
    assert estimate.startswith("An estimate for the 2 open: ")
    assert "spotify" in estimate
    assert [item.payload for item in claim(engine)] == [{"artistName": "Nina Simone"}, {"artistId": SPOTIFY_ID}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("x" * 10_000, "10000 characters"),
        ("Various", "various artists"),
        ("[traditional]", "traditional"),
        ("https://open.spotify.com/track/1dfeR4HaWDbWqFHLkxsg1d", "not one to an artist"),
        ("spotify:artist:tooshort", "not one to an artist"),
        ("bell\x07", "U+0007"),
    ],
)
def test_discover_refuses_what_names_no_artist_and_goes_on(
    terminal: Terminal, engine: sa.Engine, text: str, reason: str
) -> None:
    assert terminal.run("discover", "--", text, "Nina Simone") == 1
    refused, enqueued, *_ = terminal.out.splitlines()
    assert "refused, " in refused
    assert reason in refused
    assert len(refused) < 300
    assert enqueued.startswith("Nina Simone: enqueued")


@pytest.mark.parametrize("name", ["Robert'); DROP TABLE artists;--", "🎷🎺", "فيروز", "100% :x %s", "--force"])
def test_odd_names_are_names(terminal: Terminal, engine: sa.Engine, name: str) -> None:
    assert terminal.run("discover", "--", name) == 0
    (item,) = claim(engine)
    assert item.payload == {"artistName": name}


def test_discover_knows_what_is_done_and_force_asks_again(terminal: Terminal, engine: sa.Engine) -> None:
    terminal.run("discover", "Nina")
    (item,) = claim(engine)
    with engine.begin() as connection:
        finish(connection, item, run_id="run", result={})
    assert terminal.run("discover", "Nina") == 0
    assert terminal.out.splitlines() == [
        f"Nina: already done (--force does it again) ({item.work_id})",
        "No work is open.",
    ]
    assert terminal.run("discover", "--force", "Nina") == 0
    assert "Nina: enqueued" in terminal.out
    assert claim(engine)[0].force


@pytest.mark.parametrize(
    "contents",
    [
        "Nina Simone\n\nMiles Davis\n",
        "\ufeffArtist,Country\nNina Simone,US\nMiles Davis,US\n",
        'id,name\n1,"Nina Simone"\n,\n2,Miles Davis\n',
    ],
)
def test_discover_reads_names_from_a_file(terminal: Terminal, engine: sa.Engine, tmp_path: Path, contents: str) -> None:
    file = tmp_path / "names.csv"
    file.write_text(contents, encoding="utf-8")
    assert terminal.run("discover", "--file", str(file)) == 0
    assert [item.payload["artistName"] for item in claim(engine)] == ["Nina Simone", "Miles Davis"]


def test_a_line_of_a_file_without_a_name_is_told_and_stops_no_other(
    terminal: Terminal, engine: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "names.csv"
    file.write_text("id,name\n1\n2,Various\n3,Nina Simone\n")
    assert terminal.run("discover", "--file", str(file)) == 1
    outcomes = terminal.out.splitlines()
    assert ["refused" in line for line in outcomes[:3]] == [True, True, False]
    assert "name is empty" in outcomes[0]
    assert [item.payload["artistName"] for item in claim(engine)] == ["Nina Simone"]


def test_a_file_that_is_no_text_is_refused_with_a_line(terminal: Terminal, engine: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_bytes(b"\xff\xfe\x00N")
    assert terminal.run("discover", "--file", str(file)) == 1
    assert "UTF-8" in terminal.err


def test_status_shows_work_waits_sweeps_and_the_catalogue(terminal: Terminal, engine: sa.Engine) -> None:
    ask(engine, "Nina")
    ask(engine, "Miles")
    (nina,) = claim(engine, limit=1)
    with engine.begin() as connection:
        retry(
            connection, nina, run_id="run", error="429", provider="spotify",
            available_at=datetime.now(UTC) + timedelta(days=1), uses_attempt=False,
        )  # fmt: skip
    begin_sweep(engine, "artist_discovery", "run 7")
    assert terminal.run("status") == 0
    assert re.search(r"artist_discovery +│ 2 +│ 1 +│ 0 +│ 0 ", terminal.out)
    assert re.search(r"artist_discovery │ spotify +│ 1 ", terminal.out)
    assert "A sweep of artist_discovery is in progress" in terminal.out
    assert "run 7" in terminal.out
    assert "The catalogue has 0 artists" in terminal.out


def test_dead_work_is_listed_requeued_and_purged(terminal: Terminal, engine: sa.Engine) -> None:
    for name in ("Nina", "Miles"):
        ask(engine, name)
    nina, miles = claim(engine)
    with engine.begin() as connection:
        for item, error in ((nina, "Spotify has no such artist."), (miles, "HTTP 400, and more " * 20)):
            bury(connection, item, run_id="run", stop_reason="non_retryable", error=error)
    assert terminal.run("dead", "list") == 0
    assert "Spotify has no such artist." in terminal.out
    assert str(nina.work_id) in terminal.out
    assert terminal.run("dead", "requeue") == 1
    assert "Select work by id, stage, artist or reason" in terminal.err
    assert terminal.run("dead", "requeue", str(nina.work_id)) == 0
    assert terminal.out == f"{nina.work_id}: requeued\n"
    assert terminal.run("dead", "purge", "--reason", "cancelled", "--yes") == 1
    assert terminal.run("dead", "purge", "--reason", "non_retryable", "--yes") == 0
    assert terminal.out == "1 deleted.\n"
    assert terminal.run("dead", "list") == 0
    assert terminal.out == "No work is dead.\n"
    assert [item.work_id for item in claim(engine)] == [nina.work_id]


def test_purge_asks_first(terminal: Terminal, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(engine, "Nina")
    cancel(engine, Selector(artist="Nina"), why="?")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert terminal.run("dead", "purge", "--artist", "Nina") == 130
    assert len(list_dead(engine, Selector())) == 1


def test_open_work_is_cancelled_by_stage_or_artist(terminal: Terminal, engine: sa.Engine) -> None:
    for name in ("Nina", "Miles"):
        ask(engine, name)
    assert terminal.run("cancel", "--artist", "Nina", "--why", "wrong one") == 0
    assert "artist_discovery of Nina is cancelled" in terminal.out
    (dead,) = list_dead(engine, Selector())
    assert dead.error.endswith(": wrong one")
    assert terminal.run("cancel", "--stage", Stage.ARTIST_DISCOVERY.value) == 0
    assert terminal.run("cancel", "--stage", Stage.ARTIST_DISCOVERY.value) == 1
    assert terminal.err == "Error: No such work.\n"
    assert terminal.run("cancel") == 1


def test_a_credential_is_read_from_stdin_and_never_shown(
    terminal: Terminal, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("very-secret\n"))
    assert terminal.run("credentials", "set", "DISCOGS_TOKEN") == 0
    shown = terminal.out + terminal.err
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", "also-secret")
    assert terminal.run("credentials", "list") == 0
    assert re.search(r"^DISCOGS_TOKEN: stored since \d{4}", terminal.out, re.MULTILINE)
    assert "GENIUS_ACCESS_TOKEN: in the environment" in terminal.out
    assert "SPOTIFY_CLIENT_ID: missing" in terminal.out
    shown += terminal.out + terminal.err
    assert terminal.run("credentials", "rotate") == 0
    assert "1 secrets" in terminal.out
    assert terminal.run("credentials", "set", "NO_SUCH_NAME") == 2
    assert terminal.run("credentials", "remove", "DISCOGS_TOKEN") == 0
    assert terminal.run("credentials", "remove", "DISCOGS_TOKEN") == 1
    assert "secret" not in (shown + terminal.out).replace("secrets", "")
    assert b"very-secret" not in bytes(json.dumps(rows(engine, "SELECT * FROM credentials"), default=str), "utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",), ("discover", "Nina"), ("dead", "list"), ("review", "list"), ("held", "list"), ("digest",),
        ("export", "artists"), ("cancel", "--artist", "x"), ("credentials", "list"), ("db", "migrate"), ("db", "psql"),
    ],
)  # fmt: skip
def test_a_database_that_is_away_is_one_clear_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nina:very-secret@127.0.0.1:1/catalogue")
    assert terminal.run(*arguments) == 1
    assert terminal.out == ""
    assert terminal.err.count("\n") == 1
    assert terminal.err.startswith("Error: Postgres at 127.0.0.1:1 (database catalogue) does not answer")
    assert "very-secret" not in terminal.err


def test_an_address_that_is_no_postgres_and_a_setting_that_is_none_are_one_line(
    terminal: Terminal, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCOVERY_FRESH_HOURS", "soon")
    assert terminal.run("discover", "Nina") == 1
    assert terminal.err == "Error: DISCOVERY_FRESH_HOURS='soon' is not a number.\n"
    monkeypatch.delenv("DISCOVERY_FRESH_HOURS")
    monkeypatch.setenv("DATABASE_URL", "mysql://x")
    assert terminal.run("status") == 1
    assert "postgresql://" in terminal.err
    monkeypatch.setenv("DATABASE_URL", "postgresql://nina:very-secret@127.0.0.1:port/catalogue")
    assert terminal.run("status") == 1
    assert terminal.err.startswith("Error: DATABASE_URL cannot be read")
    assert "very-secret" not in terminal.err


def test_credentials_are_tried_with_one_call_each(
    terminal: Terminal, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, sandbox: Callable[..., Any]
) -> None:
    monkeypatch.setenv("MUSIC_SANDBOX_URL", sandbox(speed=60).url)
    assert terminal.run("credentials", "test") == 0
    not_called = "sonoteller: not called, since it has a monthly quota. Name it to call it."
    answering = [f"{name}: answers" for name in PROVIDERS if name != "sonoteller"]
    assert terminal.out.splitlines() == [*answering, not_called]
    assert terminal.run("credentials", "test", "sonoteller") == 0
    assert terminal.out == "sonoteller: answers\n"
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", "wrong-secret")
    assert terminal.run("credentials", "test", "genius") == 1
    assert terminal.out.startswith("genius: FAILED, ")
    assert "wrong-secret" not in terminal.out + terminal.err


def test_a_provider_without_credentials_is_skipped_unless_it_was_named(
    terminal: Terminal, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal.run("credentials", "test", "genius") == 1
    assert "genius: skipped, " in terminal.out
    assert "GENIUS_ACCESS_TOKEN" in terminal.out


def test_a_reader_that_has_enough_is_no_error_to_speak_of(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO sweeps (kind, run_id) SELECT repeat('x', 1000) || n, 'r' FROM generate_series(1, 999) n"
            )
        )
    command = [sys.executable, "-c", "from music_pipeline.cli.main import main; main()", "export", "sweeps"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_misuse_is_answered_with_the_usage(terminal: Terminal) -> None:
    assert terminal.run("discover") == 2
    assert "Name an artist" in terminal.err
    assert terminal.run("no-such-command") == 2
    assert terminal.run("dead", "requeue", "not-an-id") == 2


def test_the_demos_sandbox_is_served_again_where_it_was(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "demo").mkdir()
    record_sandbox(tmp_path / "demo", port=port)
    environment = {name: value for name, value in os.environ.items() if name != "MUSIC_SANDBOX_URL"}
    command = [sys.executable, "-c", "from music_pipeline.cli.main import main; main()", "--demo", "sandbox"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment | {"MUSIC_PIPELINE_HOME": str(tmp_path)}
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["url"] == f"http://127.0.0.1:{port}"
            info = sandbox_info(f"http://127.0.0.1:{port}")
            assert (info["speed"], info["seed"]) == (60, 2)
        finally:
            process.terminate()


def test_the_sandbox_is_served_until_it_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from music_pipeline.cli.main import main; main()", "sandbox", "--speed", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            assert sandbox_speed(url) == 60
        finally:
            process.terminate()
    refused = as_process("sandbox", "--catalog", str(tmp_path / "none.csv"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
