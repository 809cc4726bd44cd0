"""Run every block of README.md, CONTRIBUTING.md and docs/ on a small demo's data."""

import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
import yaml

from music_pipeline.definitions import definitions
from music_pipeline.settings import PROJECT
from music_pipeline_tests.docs.conftest import BINARIES, Checkout
from music_pipeline_tests.docs.markdown import Block, blocks_in, without_comment
from music_pipeline_tests.docs.shell import Ended, Step, run_steps

# README first: it prints the demo's data before a command changes it.
FILES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")), PROJECT / "CONTRIBUTING.md"]
# The fixture has run these commands, with fewer artists.
RUN_BY_THE_FIXTURE = ("make demo",)
# No daemon of Dagster runs here, and `doctor` has to report that.
EXIT_CODES = {"music-pipeline doctor": 1}
SOME_REVIEW = "SELECT left(review_id::text, 13) FROM reviews ORDER BY status = 'open' DESC, review_id LIMIT 1"
SUBCOMMANDS = re.compile(r"^(music-pipeline|dagster)((?: (?!-)[a-z]+)*)")


def test_every_command_and_statement_works(checkout: Checkout, tmp_path: Path) -> None:
    review = output_of(checkout, f'music-pipeline db psql -- -Atc "{SOME_REVIEW}"')
    replaced = {
        "PATH=$PWD/.venv/bin:$PATH": "PATH=$PATH",
        "http://127.0.0.1:8765": checkout.sandbox_url,
        "3f2a": review,
    }
    failures: list[str] = []
    seen: set[str] = set()
    for file in FILES:
        outputs = tmp_path / file.stem
        outputs.mkdir()
        blocks = list(blocks_in(file))
        steps = list(steps_of(blocks, seen, replaced))
        ended = run_steps(steps, folder=checkout.folder, environment=checkout.environment(), outputs=outputs)
        failures += [complaint(one) for one in ended if one.code != expected_code(one.step.command)]
        failures += differences(blocks, ended)
    assert not failures, "\n\n".join(failures)


def steps_of(blocks: Sequence[Block], seen: set[str], replaced: dict[str, str]) -> Iterator[Step]:
    """The commands and statements of the blocks.

    Equal calls of Dagster run once, because they are slow.
    """
    for block in blocks:
        if block.mark is not None:
            continue
        if block.language == "sql":
            yield Step(
                block.place, f"music-pipeline db psql -- -v ON_ERROR_STOP=1 -P pager=off -c {shlex.quote(block.text)}"
            )
        if block.language == "sh":
            for line, command in block.commands():
                plain = without_comment(command)
                if plain in RUN_BY_THE_FIXTURE or (plain.startswith("dagster ") and plain in seen):
                    continue
                seen.add(plain)
                for old, new in replaced.items():
                    command = command.replace(old, new)
                yield Step(f"{block.file.name}:{line}", command)


def output_of(checkout: Checkout, command: str) -> str:
    """The output of a command."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=checkout.folder,
        env=checkout.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def expected_code(command: str) -> int:
    return EXIT_CODES.get(without_comment(command), 0)


def complaint(ended: Ended) -> str:
    how = "was not reached" if ended.code is None else f"ended with {ended.code}"
    return f"{ended.step.place} {how}: {ended.step.command}\n{ended.output[-1500:]}"


def differences(blocks: Sequence[Block], ended: Sequence[Ended]) -> Iterator[str]:
    """The "printed" blocks that differ from the output of the block before them."""
    outputs = {one.step.place: one.output for one in ended}
    for before, block in itertools.pairwise(blocks):
        if block.mark == "printed":
            expected, printed = as_lines(block.text), as_lines(outputs.get(before.place, ""))
            if expected != printed:
                yield f"{block.place} shows\n{block.text}\nbut what is printed is\n{outputs.get(before.place)}"


def as_lines(text: str) -> list[str]:
    """The lines of psql's output, without blank ones, padding and the count of rows."""
    lines = [line.rstrip() for line in text.splitlines()]
    return [line for line in lines if line and not re.fullmatch(r"\(\d+ rows?\)", line)]


def test_commands_that_are_not_run_exist(checkout_folder: Path) -> None:
    helps: dict[str, str] = {}
    failures = []
    for file in FILES:
        for block in blocks_in(file):
            if block.language != "sh" or block.mark != "not run":
                continue
            assert block.why, f"{block.place} does not say why it is not run"
            failures += [
                f"{file.name}:{line}: {problem}"
                for line, command in block.commands()
                for problem in problems_of(checkout_folder, without_comment(command), helps)
            ]
    assert not failures, "\n".join(failures)


def problems_of(folder: Path, command: str, helps: dict[str, str]) -> Iterator[str]:
    """The problems of a command that is not run.

    Its target, subcommands and flags have to exist.
    """
    if command.startswith("make "):
        dry = subprocess.run(
            [*command.split(), "--dry-run", "--assume-old=.venv/set-up"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if dry.returncode != 0:
            yield dry.stderr
    called = SUBCOMMANDS.match(command.replace("music-pipeline --demo", "music-pipeline"))
    if called is not None:
        if called[0] not in helps:
            helps[called[0]] = help_of(called[0].split(), folder)
        for flag in re.findall(r"--[a-z][a-z-]+", command.replace("music-pipeline --demo", "music-pipeline")):
            if flag not in helps[called[0]]:
                yield f"{called[0]} has no {flag}"
    for script in re.findall(r"scripts/[\w.-]+", command):
        if not (PROJECT / script).is_file():
            yield f"there is no {script}"


def help_of(command: list[str], folder: Path) -> str:
    """The help text of a command."""
    program: list[str | Path] = [BINARIES / command[0], *command[1:], "--help"]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True).stdout


def launch_pads() -> list[Block]:
    return [block for file in FILES for block in blocks_in(file) if block.language == "yaml"]


@pytest.mark.parametrize("block", launch_pads(), ids=lambda block: block.place)
def test_launch_pad_configuration_is_valid(block: Block) -> None:
    config = yaml.safe_load(block.text)
    loaded = definitions()
    jobs = [loaded.resolve_job_def(job.name) for job in loaded.jobs or ()]
    [*fitting] = [job for job in jobs if set(config["ops"]) <= {node.name for node in job.nodes}]
    assert fitting, f"no job has the ops {', '.join(config['ops'])}"
    assert dg.validate_run_config(fitting[0], config)
