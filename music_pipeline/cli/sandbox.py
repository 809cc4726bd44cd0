"""Emulated providers: `sandbox` and `demo`."""

from pathlib import Path

import click

from music_pipeline.cli.terminal import errors_as_messages


@click.command()
@click.option(
    "--catalog",
    type=click.Path(path_type=Path),
    help="discogs_releases.jsonl or spotify_tracks.csv. Otherwise generated.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The seed of the generated catalog.")
@click.option("--spotify", type=click.Choice(["development", "extended"]), default="development", show_default=True)
@click.option("--port", type=int, default=0, help="0 takes any free one.  [default: 0]")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="How many times as fast the time of quotas runs."
)
@click.option("--quota", multiple=True, metavar="PROVIDER=N/W", help="N requests in W seconds.")
@click.option("--daily-quota", multiple=True, metavar="PROVIDER=N", help="N requests in 24 hours.")
def sandbox(
    catalog: Path | None,
    seed: int,
    spotify: str,
    port: int,
    speed: float,
    quota: tuple[str, ...],
    daily_quota: tuple[str, ...],
) -> None:
    """Serve all providers on the loopback address until interrupted. The first line says where.

    `music-pipeline --demo sandbox` serves the last demo's providers again, at the same address.
    """
    # Only this command needs the sandbox, which is large.
    from music_pipeline.sandbox.options import OptionError, SandboxOptions, parse_daily_quota, parse_quota
    from music_pipeline.sandbox.server import run

    with errors_as_messages(OptionError, OSError):
        run(
            SandboxOptions(
                catalog=catalog,
                seed=seed,
                spotify="extended" if spotify == "extended" else "development",
                port=port,
                speed=speed,
                quotas=tuple(parse_quota(text) for text in quota),
                daily_quotas=tuple(parse_daily_quota(text) for text in daily_quota),
            )
        )


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Run the main job end to end against a sandbox, on its own data, like `make demo`. See demo --help."""
    from music_pipeline.demo.run import main

    raise click.exceptions.Exit(main(list(arguments)))
