"""Profiles of producers, against the sandbox: by evidence only, each address with its source."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.profiles import FoundProfile, ProfileAnswer, known_profiles, read_address, write_profiles
from music_pipeline.providers.instagram import InstagramAccount
from music_pipeline.stages.profiles.producers import enqueue_due, is_due, plausible_followers
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.support.ledger import value
from music_pipeline_tests.support.pipeline import Pipeline, smallest_of
from music_pipeline_tests.support.rows import write_small_catalogue

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def look_up(run_id: str = "social") -> list[Outcome]:
    return list(sweep(Stage.SOCIAL_ENRICHMENT, run_id=run_id, time_box=60))


@pytest.fixture
def identified(discovered: Pipeline) -> tuple[Pipeline, list[dict[str, Any]]]:
    """An artist whose producers are known, and what the sandbox's pages say of them."""
    return discovered, discovered.sandbox.enrichment([smallest_of(discovered.sandbox)[0]])["profiles"]


def given_addresses(truth: list[dict[str, Any]], pipeline: Pipeline) -> set[tuple[str, str, str]]:
    """(provider, its id, address) of each social account that a page gives of a producer whom we have there."""
    ours = {(row.provider, row.id) for row in pipeline.rows("SELECT * FROM external_ids WHERE entity = 'producer'")}
    forms = {"instagram": "https://www.instagram.com/{}", "twitter": "https://twitter.com/{}",
             "facebook": "https://www.facebook.com/{}"}  # fmt: skip
    told: set[tuple[str, str, str]] = set()
    for one in truth:
        pages = {
            ("musicbrainz", one["mbid"]): list(one["musicbrainz"].values()),
            ("discogs", str(one["discogs_id"])): one["discogs"],
            ("genius", str(one["genius_id"])): [
                forms[service].format(name) for service, name in one["genius"].items() if name
            ],
        }
        told |= {(*page, url) for page, urls in pages.items() if page in ours for url in urls}
    return told


def test_exactly_the_addresses_of_pages_are_kept(
    identified: tuple[Pipeline, list[dict[str, Any]]],
) -> None:
    pipeline, truth = identified
    assert pipeline.value("SELECT count(*) FROM work WHERE stage = 'social_enrichment'") > 0
    outcomes = look_up()
    assert {one.error for one in outcomes} == {None}
    expected = set()
    for provider, id, url in given_addresses(truth, pipeline):
        address = read_address(url)
        assert address is not None
        expected.add((provider, id, address.service, address.url))
    kept = {
        (row.source, row.id, row.service, row.url)
        for row in pipeline.rows(
            "SELECT f.*, x.id FROM producer_profiles f JOIN external_ids x ON x.entity = 'producer' "
            "AND x.provider = f.source AND x.entity_id = f.producer_id"
        )
    }
    assert expected
    assert expected <= kept
    others = {service for _, _, service, _ in kept - expected}
    assert others <= {"discogs", "spotify", "genius", "musicbrainz"}
    assert pipeline.value("SELECT count(*) FROM producer_profiles WHERE evidence NOT LIKE 'https://%'") == 0


def test_followers_are_counted_for_proven_handles_only(
    identified: tuple[Pipeline, list[dict[str, Any]]],
) -> None:
    pipeline, _ = identified
    look_up()
    handles = {row.handle for row in pipeline.rows("SELECT handle FROM producer_profiles WHERE service = 'instagram'")}
    rows = pipeline.rows("SELECT * FROM profile_followers")
    assert {row.handle for row in rows} == handles
    assert {row.outcome for row in rows} <= {"found", "absent"}
    counted = [row for row in rows if row.outcome == "found"]
    assert counted
    assert all(row.followers > 0 and row.fetched_at is not None for row in counted)
    assert pipeline.value("SELECT count(*) FROM profile_view WHERE followers IS NOT NULL") >= len(counted)


def test_producer_is_looked_up_again_only_when_due(
    identified: tuple[Pipeline, list[dict[str, Any]]],
) -> None:
    pipeline, _ = identified
    look_up()
    assert not is_due(pipeline.engine)
    assert enqueue_due(pipeline.engine) == 0
    pipeline.sandbox.reset_stats()
    with pipeline.engine.begin() as connection:
        connection.execute(sa.text("UPDATE profile_followers SET asked_at = asked_at - interval '25 hours'"))
        connection.execute(sa.text("UPDATE cached_answers SET fetched_at = fetched_at - interval '25 hours'"))
    assert enqueue_due(pipeline.engine) > 0
    assert {one.error for one in look_up("again")} == {None}
    stats = pipeline.sandbox.stats()
    assert stats["instagram"]["requests"] > 0
    assert [stats[name]["requests"] for name in ("musicbrainz", "discogs", "genius")] == [0, 0, 0]


def test_absent_provider_stops_no_other(
    identified: tuple[Pipeline, list[dict[str, Any]]],
) -> None:
    pipeline, _ = identified
    pipeline.sandbox.add_fault("discogs", "outage")
    outcomes = look_up()
    assert any(one.error for one in outcomes)
    given = {row.source for row in pipeline.rows("SELECT DISTINCT source FROM producer_profiles")}
    assert "discogs" not in given
    assert "musicbrainz" in given
    failed = pipeline.value("SELECT count(*) FROM producer_answers WHERE provider = 'discogs' AND outcome = 'failed'")
    assert failed > 0
    pipeline.sandbox.clear_faults()
    for _ in range(3):  # the breaker lets one through, then two, then all
        pipeline.make_due()
        look_up("again")
    assert pipeline.value("SELECT count(*) FROM work WHERE stage = 'social_enrichment'") == 0
    assert pipeline.value("SELECT count(*) FROM producer_answers WHERE outcome = 'failed'") == 0


def test_no_followers_after_some_are_not_believed() -> None:
    account = InstagramAccount(id="1", username="somebody", followers_count=0, media_count=3)
    unbelieved = plausible_followers("somebody", account, 1200, at=NOW)
    assert (unbelieved.outcome, unbelieved.followers) == ("failed", None)
    assert "0 after 1200" in (unbelieved.error or "")
    assert plausible_followers("somebody", account, None, at=NOW).followers == 0
    assert plausible_followers("somebody", account, 0, at=NOW).followers == 0
    assert plausible_followers("somebody", None, 1200, at=NOW).outcome == "absent"


def found(*handles: str) -> list[FoundProfile]:
    return [
        FoundProfile(f"https://twitter.com/{one}", "discogs", "twitter", one, "https://www.discogs.com/artist/1", 0.9)
        for one in handles
    ]


def write(engine: sa.Engine, profiles: list[FoundProfile]) -> list[ProfileAnswer]:
    producer_id = value(engine, "SELECT producer_id FROM producers")
    answer = ProfileAnswer("discogs", "found" if profiles else "absent", len(profiles))
    with engine.begin() as connection:
        return write_profiles(connection, producer_id, profiles, [answer], [])


def active(engine: sa.Engine) -> set[str | None]:
    with engine.connect() as connection:
        return {one.handle for one in known_profiles(connection, value(engine, "SELECT producer_id FROM producers"))}


def test_lost_address_becomes_inactive_until_it_returns(engine: sa.Engine) -> None:
    write_small_catalogue(engine, ["Sinnerman"])
    write(engine, found("a", "b"))
    write(engine, found("a"))
    assert active(engine) == {"a"}
    assert value(engine, "SELECT inactive_reason FROM producer_profiles WHERE handle = 'b'").startswith("The page")
    write(engine, found("a", "b"))
    assert active(engine) == {"a", "b"}


def test_implausible_loss_deactivates_no_address(engine: sa.Engine) -> None:
    write_small_catalogue(engine, ["Sinnerman"])
    write(engine, found("a", "b", "c", "d"))
    (answer,) = write(engine, [])
    assert answer.outcome == "suspect"
    assert active(engine) == {"a", "b", "c", "d"}
