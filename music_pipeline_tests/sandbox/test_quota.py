"""The rules count as the providers do, and the counts of overruns, early calls and use follow their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.sandbox.http import SandboxRequest, SandboxResponse
from music_pipeline.sandbox.options import DailyQuota, OptionError, QuotaOverride, SandboxOptions, parse_daily_quota
from music_pipeline.sandbox.quota import QUOTAS, BlockingRule, ExponentialRule, FixedRule, QuotaVerdict, RollingRule
from music_pipeline.sandbox.statistics import ProviderStatistics
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, make_desk


@given(st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=60), st.integers(1, 10))
def test_the_rolling_rule_refuses_what_a_look_back_over_all_arrivals_would(gaps: list[float], limit: int) -> None:
    rule = RollingRule(10.0)
    moments: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        moments.append(now)
        expected = sum(moment > now - 10.0 for moment in moments) > limit
        assert rule.arrive(now, limit, 0.0).refused == expected


def test_a_refusal_within_the_grace_is_no_overrun() -> None:
    rule = RollingRule(1.0)
    rule.arrive(0.0, 1, 0.025)
    late = rule.arrive(0.98, 1, 0.025)
    assert (late.refused, late.overrun) == (True, False)
    early = rule.arrive(1.5, 1, 0.025)
    assert (early.refused, early.overrun) == (True, True)


def test_the_wait_after_a_refusal_ends_when_a_call_is_let_in_again() -> None:
    rule = RollingRule(30.0)
    for moment in (0.0, 1.0, 2.0):
        rule.arrive(moment, 3, 0.0)
    refusal = rule.arrive(3.0, 3, 0.0)
    assert refusal.refused
    assert not rule.arrive(3.0 + refusal.wait, 3, 0.0).refused


def test_musicbrainz_lets_a_steady_call_a_second_pass_and_about_twenty_at_once() -> None:
    steady = ExponentialRule(20.0)
    assert not any(steady.arrive(float(second), 22, 0.0).refused for second in range(500))
    burst = ExponentialRule(20.0)
    verdicts = [burst.arrive(1_000.0 + 1e-6 * index, 22, 0.0) for index in range(30)]
    assert 18 <= [verdict.refused for verdict in verdicts].index(True) <= 22


def test_musicbrainz_keeps_denying_who_keeps_hammering() -> None:
    rule = ExponentialRule(20.0)
    verdicts = [rule.arrive(index * 0.2, 22, 0.0) for index in range(500)]
    assert all(verdict.refused for verdict in verdicts[-400:])


@given(st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=60), st.integers(1, 10))
def test_the_fixed_rule_counts_in_windows_that_begin_at_multiples(gaps: list[float], limit: int) -> None:
    rule = FixedRule(10.0)
    counted: dict[float, int] = {}
    now = 1_003.0
    for gap in gaps:
        now += gap
        counted[now // 10] = counted.get(now // 10, 0) + 1
        verdict = rule.arrive(now, limit, 0.0)
        assert verdict.refused == (counted[now // 10] > limit)
        assert now + verdict.reset_in == pytest.approx((now // 10 + 1) * 10)


def test_a_fixed_window_lets_twice_the_limit_pass_around_its_end_and_a_hiccup_there_is_no_overrun() -> None:
    rule = FixedRule(10.0)
    verdicts = [rule.arrive(moment, 2, 0.025) for moment in (9.0, 9.5, 10.0, 10.1, 19.99)]
    assert [verdict.refused for verdict in verdicts] == [False, False, False, False, True]
    assert not verdicts[4].overrun


def test_the_blocking_rule_shuts_out_for_an_hour_and_does_not_lengthen_it() -> None:
    rule = BlockingRule(RollingRule(10.0))
    verdicts = [rule.arrive(moment, 2, 0.0) for moment in (0.0, 1.0, 2.0, 1_800.0, 3_601.9, 3_602.0, 3_603.0, 3_604.0)]
    assert [verdict.refused for verdict in verdicts] == [False, False, True, True, True, False, False, True]
    assert verdicts[2].wait == 3_600.0
    assert verdicts[3].wait == 1_802.0


def _burst(desk: Desk, count: int, gap: float) -> list[int]:
    artist = desk.app.mounts["spotify"].provider.views.site.world.listed[0]  # type: ignore[attr-defined]
    spotify_id = desk.app.mounts["spotify"].provider.site.world.artists[artist].spotify_id  # type: ignore[attr-defined]
    return [desk.get(f"/spotify/v1/artists/{spotify_id}", pause=gap).status for _ in range(count)]


def test_spotify_answers_429_with_the_seconds_to_wait_and_counts_who_does_not(world: World) -> None:
    desk = make_desk(world)
    assert _burst(desk, 90, 0.1) == [200] * 90
    refusal = desk.get("/spotify/v1/search", pause=0.1)
    wait = int(refusal.headers["retry-after"])
    assert refusal.status == 429
    assert refusal.json["error"]["status"] == 429
    assert desk.statistics("spotify")["overruns"] == 1
    _burst(desk, 1, 1.0)
    assert desk.statistics("spotify")["early_calls"] == 1
    assert 20 <= wait <= 30


def test_who_waits_as_told_is_let_in_and_makes_no_early_call(world: World) -> None:
    desk = make_desk(world, quotas=(QuotaOverride("spotify", 3, 30.0),))
    assert _burst(desk, 3, 1.0) == [200, 200, 200]
    wait = float(desk.get("/spotify/v1/search", pause=1.0).headers["retry-after"])
    assert _burst(desk, 1, wait) == [200]
    assert desk.statistics("spotify")["early_calls_raw"] == 0


def test_at_speed_60_a_minute_of_quota_lasts_a_second(world: World) -> None:
    desk = make_desk(world, speed=60.0, quotas=(QuotaOverride("genius", 2, 60.0),))
    statuses = [desk.get("/genius/search", {"q": "x"}, pause=pause).status for pause in (0.1, 0.1, 0.1, 2.1)]
    assert statuses == [200, 200, 429, 200]
    assert desk.statistics("genius")["overruns"] == 1


def test_overruns_of_windows_under_a_real_second_are_counted_but_not_judged(world: World) -> None:
    desk = make_desk(world, speed=60.0, quotas=(QuotaOverride("spotify", 1, 30.0),))
    _burst(desk, 2, 0.1)
    report = desk.statistics("spotify")
    assert (report["overruns"], report["overruns_raw"], report["overruns_judged"]) == (0, 1, False)


def test_discogs_lets_in_25_without_authentication_and_tells_the_rest(world: World) -> None:
    desk = make_desk(world)
    anonymous = {"User-Agent": desk.headers["User-Agent"]}
    answers = [desk.get("/discogs/artists/1", headers=anonymous, pause=0.1) for _ in range(26)]
    assert [answer.status for answer in answers] == [404] * 25 + [429]
    assert answers[3].headers["x-discogs-ratelimit"] == "25"
    assert answers[3].headers["x-discogs-ratelimit-used"] == "4"
    assert answers[3].headers["x-discogs-ratelimit-remaining"] == "21"
    assert answers[25].json == {"message": "You are making requests too quickly."}
    assert "retry-after" not in answers[25].headers


def test_use_is_what_was_accepted_over_what_was_allowed_from_the_first_whole_window(world: World) -> None:
    desk = make_desk(world, quotas=(QuotaOverride("genius", 10, 10.0),))
    for _ in range(200):
        desk.get("/genius/search", {"q": "x"}, pause=2.0)
    assert desk.statistics("genius")["use"] == pytest.approx(0.5, abs=0.02)


def test_a_repeat_is_the_same_request_in_any_order_of_its_parameters(world: World) -> None:
    desk = make_desk(world)
    desk.get("/genius/search", [("q", "x"), ("page", "1")])
    desk.get("/genius/search", [("page", "1"), ("q", "x")])
    desk.get("/genius/search", [("page", "2"), ("q", "x")])
    assert desk.statistics("genius")["repeats"] == 1
    assert desk.statistics("genius")["by_endpoint"] == {"search": 3}


def test_a_refused_request_may_be_asked_again(world: World) -> None:
    desk = make_desk(world)
    for _ in range(2):
        desk.get("/genius/search", {"q": "x"}, headers={})
    assert desk.statistics("genius")["repeats"] == 0
    assert desk.statistics("genius")["by_status"] == {"401": 2}


def test_a_call_that_is_under_way_when_a_retry_after_goes_out_is_not_early_and_one_after_it_is() -> None:
    statistics = ProviderStatistics(QUOTAS["spotify"], 1.0)
    let_in, refusal = (
        QuotaVerdict(refused=False, overrun=False, wait=0, used=1),
        SandboxResponse(429, b"", retry_after=30.0),
    )
    statistics.count_answer(100.0, SandboxRequest("GET", "/x", "", {}), "x", refusal, repeatable=False)
    statistics.count_arrival(100.2, let_in)  # before the refusal was sent
    statistics.count_delivery(100.0, 100.3, refusal)
    statistics.count_arrival(100.32, let_in)  # on its way
    assert statistics.report()["early_calls"] == 0
    statistics.count_arrival(100.4, let_in)
    statistics.count_arrival(129.9, let_in)
    statistics.count_arrival(130.0, let_in)
    assert (statistics.report()["early_calls"], statistics.report()["early_calls_raw"]) == (2, 4)


def test_a_second_refusal_lengthens_the_wait_of_the_first_and_a_shorter_one_does_not_shorten_it() -> None:
    statistics = ProviderStatistics(QUOTAS["spotify"], 1.0)
    let_in = QuotaVerdict(refused=False, overrun=False, wait=0, used=1)
    for sent, seconds in ((100.0, 30.0), (101.0, 60.0), (102.0, 1.0)):
        statistics.count_delivery(sent, sent, SandboxResponse(429, b"", retry_after=seconds))
    statistics.count_arrival(160.0, let_in)
    statistics.count_arrival(162.0, let_in)
    assert statistics.report()["early_calls"] == 1


def test_a_daily_quota_refuses_as_spotify_does_and_is_judged_by_itself(world: World) -> None:
    desk = make_desk(world, daily_quotas=(DailyQuota("spotify", 3),))
    assert _burst(desk, 3, 20_000.0) == [200] * 3
    refusal = desk.get("/spotify/v1/search", pause=20_000.0)
    assert (refusal.status, refusal.json["error"]["reason"]) == (429, "QUOTA_EXCEEDED")
    assert refusal.headers["retry-after"] == "46400"
    report = desk.statistics("spotify")
    assert (report["overruns"], report["overruns_of_day"], report["refusals"]) == (0, 1, 1)
    assert _burst(desk, 1, 46_400.0) == [200]


def test_a_daily_quota_is_read_from_text() -> None:
    assert parse_daily_quota("getsongbpm=500") == DailyQuota("getsongbpm", 500)
    assert SandboxOptions(daily_quotas=(DailyQuota("spotify", 9),)).arguments()[-2:] == ["--daily-quota", "spotify=9"]
    for text in ("spotify", "spotify=0", "spotify=5/3", "nobody=5"):
        with pytest.raises(OptionError):
            parse_daily_quota(text)
