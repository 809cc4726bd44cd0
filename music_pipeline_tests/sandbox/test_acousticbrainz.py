"""AcousticBrainz as its source has it: 25 at once, unknown ones missing, a fixed window, headers that tell."""

import json
from pathlib import Path

import pytest

from music_pipeline.sandbox.views.acousticbrainz_views import submissions
from music_pipeline.sandbox.world.audio_facts import audio_facts
from music_pipeline.sandbox.world.audio_views import acousticbrainz_sounding
from music_pipeline.sandbox.world.model import World, WorldRecording
from music_pipeline_tests.sandbox.support import Desk, make_desk, misfits

API = "/acousticbrainz/api/v1"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def known(desk: Desk) -> list[WorldRecording]:
    recordings = desk.provider("acousticbrainz").knowledge.recordings.values()
    return [recording for recording in recordings if acousticbrainz_sounding(recording)]


def test_a_bulk_answer_lacks_the_unknown_and_holds_a_mapping_beside_the_mbids(
    desk: Desk, known: list[WorldRecording]
) -> None:
    ids = [known[0].mbid, UNKNOWN, known[1].mbid.upper()]
    answer = desk.get(f"{API}/low-level", {"recording_ids": ";".join(ids)}).json
    assert set(answer) == {known[0].mbid, known[1].mbid, "mbid_mapping"}
    assert answer["mbid_mapping"] == {known[1].mbid.upper(): known[1].mbid}
    assert list(answer[known[0].mbid]) == ["0"]


def test_features_may_be_chosen_and_others_are_ignored(desk: Desk, known: list[WorldRecording]) -> None:
    wanted = "rhythm.bpm;tonal.key_key;nothing.at.all"
    parameters = {"recording_ids": known[0].mbid, "features": wanted}
    document = desk.get(f"{API}/low-level", parameters).json[known[0].mbid]["0"]
    assert set(document) == {"rhythm", "tonal", "metadata"}
    assert set(document["tonal"]) == {"key_key"}
    assert set(document["metadata"]) == {"tags"}


def test_key_and_scale_are_those_of_the_facts(desk: Desk, known: list[WorldRecording]) -> None:
    names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    for recording in known[:20]:
        tonal = desk.get(f"{API}/{recording.mbid}/low-level").json["tonal"]
        facts = audio_facts(recording)
        assert (names.index(tonal["key_key"]), tonal["key_scale"]) == (facts.key, ("minor", "major")[facts.mode])


def test_the_older_paths_answer_the_same(desk: Desk, known: list[WorldRecording]) -> None:
    mbid = known[0].mbid
    for level in ("low-level", "high-level"):
        assert desk.get(f"/acousticbrainz/{mbid}/{level}").json == desk.get(f"{API}/{mbid}/{level}").json


def test_submissions_are_counted_and_asked_for_by_offset(desk: Desk, known: list[WorldRecording]) -> None:
    several = next(recording for recording in known if submissions(recording) == 2)
    assert desk.get(f"{API}/{several.mbid}/count").json == {"mbid": several.mbid, "count": 2}
    assert desk.get(f"{API}/{UNKNOWN}/count").json["count"] == 0
    both = {"recording_ids": f"{several.mbid};{several.mbid}:1;{several.mbid}:2"}
    assert set(desk.get(f"{API}/low-level", both).json[several.mbid]) == {"0", "1"}
    assert desk.get(f"{API}/{several.mbid}/low-level", {"n": 1}).status == 200
    assert desk.get(f"{API}/{several.mbid}/low-level", {"n": 2}).status == 404
    counts = desk.get(f"{API}/count", {"recording_ids": f"{several.mbid};{UNKNOWN}"}).json
    assert counts == {several.mbid: {"count": 2}, "mbid_mapping": {}}


def test_genres_are_written_out_if_wanted(desk: Desk, known: list[WorldRecording]) -> None:
    path = f"{API}/{known[0].mbid}/high-level"
    short = desk.get(path).json["highlevel"]["genre_rosamerica"]
    long = desk.get(path, {"map_classes": "true"}).json["highlevel"]["genre_rosamerica"]
    assert set(short["all"]) == {"cla", "dan", "hip", "jaz", "pop", "rhy", "roc", "spe"}
    assert "Rhythm and Blues" in long["all"]
    assert short["probability"] == long["probability"] == max(long["all"].values())
    assert sum(short["all"].values()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "Missing `recording_ids` parameter"),
        ({"recording_ids": "x"}, "'x' is not a valid UUID"),
        (
            {"recording_ids": ";".join(f"00000000-0000-4000-8000-{number:012d}" for number in range(26))},
            "More than 25 recordings not allowed per request",
        ),
        ({"recording_ids": f"{UNKNOWN}:x"}, "Offset must be an integer value"),
    ],
)
def test_a_bulk_request_without_sense_is_refused(parameters: dict[str, str], text: str, desk: Desk) -> None:
    answer = desk.get(f"{API}/low-level", parameters)
    assert (answer.status, answer.json) == (400, {"message": text})


@pytest.mark.parametrize("path", [f"{API}/{UNKNOWN}/low-level", f"{API}/x/high-level", "/acousticbrainz/nothing"])
def test_what_is_not_there_is_404(path: str, desk: Desk) -> None:
    answer = desk.get(path)
    assert (answer.status, answer.json) == (404, {"message": "Not found"})


def test_the_headers_count_down_in_a_window_that_begins_at_tens_of_seconds(world: World) -> None:
    desk = make_desk(world)
    desk.clock.seconds = 1_004.0
    answers = [desk.get(f"{API}/{UNKNOWN}/count", pause=0.1) for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert {answer.headers["x-ratelimit-reset"] for answer in answers} == {"1010"}
    assert answers[10].headers["x-ratelimit-reset-in"] == "5"
    assert answers[10].body.startswith(b"You have exceeded your rate limit.")
    assert desk.get(f"{API}/{UNKNOWN}/count", pause=5.0).status == 200


def test_documents_fit_the_recorded_ones(desk: Desk, known: list[WorldRecording], shared_folder: Path) -> None:
    folder = shared_folder / "recordings" / "acousticbrainz"
    high = json.loads((folder / "highlevel.json").read_text(encoding="utf-8"))
    low = json.loads((folder / "lowlevel_select_features.json").read_text(encoding="utf-8"))
    ours = desk.get(f"{API}/{known[0].mbid}/high-level").json
    assert set(ours["highlevel"]) == set(high["highlevel"])
    assert {model: set(ours["highlevel"][model]["all"]) for model in high["highlevel"]} == {
        model: set(theirs["all"]) for model, theirs in high["highlevel"].items()
    }
    features = (
        "lowlevel.average_loudness;lowlevel.dynamic_complexity;metadata.audio_properties.replay_gain;metadata.tags;"
        "rhythm.beats_loudness.mean;rhythm.bpm_histogram_second_peak_bpm.mean;tonal.key_key"
    )
    chosen = desk.get(f"{API}/low-level", {"recording_ids": known[0].mbid, "features": features}).json
    recorded = next(iter(low.values()))["0"]
    assert misfits(chosen[known[0].mbid]["0"], recorded) == []
