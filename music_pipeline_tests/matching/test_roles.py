"""Roles: how they are split, and which are production of which class."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.roles import (
    ProducerKind,
    Role,
    RoleClass,
    genius_role,
    musicbrainz_role,
    parse_roles,
    producer_kind,
    production_role,
)


def classes_of(text: str) -> list[RoleClass]:
    return [found for role in parse_roles(text) if (found := production_role(role)) is not None]


def test_commas_split_roles_outside_brackets_only() -> None:
    assert parse_roles("Coordinator [Post-production Co-ordination, Montreux Sounds], Producer [Additional]") == (
        Role(
            "Coordinator",
            "Post-production Co-ordination, Montreux Sounds",
            "Coordinator [Post-production Co-ordination, Montreux Sounds]",
        ),
        Role("Producer", "Additional", "Producer [Additional]"),
    )


def test_a_bracket_may_stand_before_its_head() -> None:
    assert parse_roles("Composed By, [35 mm] Photography By")[1].head == "Photography By"


@pytest.mark.parametrize("text", ["", " , ,", "[", "]", "Producer [Additional", "Producer ]Additional["])
def test_broken_brackets_are_read_without_an_error(text: str) -> None:
    assert all(role.printed for role in parse_roles(text))


@pytest.mark.parametrize(
    ("text", "role_class"),
    [
        ("Producer", "producer"),
        ("Produced By", "producer"),
        ("Producer [Produced By]", "producer"),
        ("Producer [Réalisation Artistique]", "producer"),
        ("Producer [In Association With]", "producer"),
        ("Record Producer", "producer"),
        ("Co-producer", "co"),
        ("Coproducer", "co"),
        ("Co-Produced-By", "co"),
        ("Producer [Co-Producer]", "co"),
        ("Co-producer [Production Associates For Eagle Vision]", "co"),
        ("Executive-Producer", "executive"),
        ("Executive Producer", "executive"),
        ("Executive-producer", "executive"),
        ("Executive-Producer [Co-Executive Producer]", "executive"),
        ("Producer [Co-Executive Producer]", "executive"),
        ("Producer [Additional]", "additional"),
        ("Producer [Addiotional]", "additional"),
        ("Producer [Additional Production]", "additional"),
        ("Additional Producer", "additional"),
        ("Compilation Producer", "compilation"),
        ("Reissue Producer", "reissue"),
        ("Re-Issue Producer", "reissue"),
        ("Producer [Assistance]", "other"),
        ("Assistant Producer", "other"),
        ("Film Producer", "other"),
        ("Vocal Producer", "other"),
        ("Producer [Strings Arrangement]", "other"),
    ],
)
def test_production_roles_have_their_class(text: str, role_class: str) -> None:
    assert classes_of(text) == [role_class]


@pytest.mark.parametrize(
    "text",
    [
        "Coordinator [Production Coordinator]",
        "Post Production",
        "Post Production [Audio Post-production]",
        "Production Manager [Director, Montreux Sounds]",
        "Consultant [Product Consultant For Eagle Vision]",
        "Remix [Re-construced & Re-produced By]",
        "Artwork By [Design Production & Graphics]",
        "Written-By [Producer]",
        "Reproduced By",
    ],
)
def test_brackets_and_neighbours_of_production_are_none(text: str) -> None:
    assert classes_of(text) == []


@pytest.mark.parametrize(
    ("attributes", "role_class"),
    [
        ([], "producer"),
        (["co"], "co"),
        (["additional"], "additional"),
        (["executive"], "executive"),
        (["co", "executive"], "executive"),
        (["assistant"], "other"),
        (["associate"], "other"),
    ],
)
def test_musicbrainz_attributes_refine_a_producer(attributes: list[str], role_class: str) -> None:
    assert production_role(musicbrainz_role("producer", attributes)) == role_class


@pytest.mark.parametrize(
    "relation_type", ["engineer", "mix", "instrument", "compiler", "misc", "production coordinator"]
)
def test_other_musicbrainz_relationships_are_no_production(relation_type: str) -> None:
    assert production_role(musicbrainz_role(relation_type, ["additional"])) is None


@pytest.mark.parametrize(
    ("label", "role_class"),
    [
        ("Producer", "producer"),
        ("Executive Producer", "executive"),
        ("Co-Producer", "co"),
        ("Co-Production", "co"),
        ("Additional Production", "additional"),
        ("Additional Production By", "additional"),
        ("Vocal Producer", "other"),
        ("Vocal Production", "other"),
        ("Mixing Engineer", None),
        ("Worship Leader", None),
        ("Post Production", None),
        ("Post-Production", None),
        ("Production Coordinator", None),
        ("Production Company", None),
    ],
)
def test_genius_labels_are_classed(label: str, role_class: str | None) -> None:
    role = genius_role(label)
    assert role.printed == label
    assert production_role(role) == role_class


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Lloyd Pro. Inc.", ProducerKind.COMPANY),
        ("David Rubinson & Friends, Inc.", ProducerKind.COMPANY),
        ("Eagle Rock Entertainment Ltd.", ProducerKind.COMPANY),
        ("Montreux Sounds SA", ProducerKind.COMPANY),
        ("Atlantic Records", ProducerKind.COMPANY),
        ("Gamble & Huff", ProducerKind.GROUP),
        ("Mahavishnu Orchestra", ProducerKind.GROUP),
        ("Bad Company (3)", None),
        ("Linc", None),
        ("George Martin", None),
        ("Александр Скрастин", None),
    ],
)
def test_only_explicit_words_make_a_company_or_a_group(name: str, kind: ProducerKind | None) -> None:
    assert producer_kind(name) is kind


@given(st.text())
def test_any_text_can_be_read_as_roles(text: str) -> None:
    for role in parse_roles(text):
        production_role(role)
        production_role(genius_role(role.printed))


PRINTED_ROLE = st.sampled_from(
    ["Producer", "Co-producer", "Produced By", "Producer [Additional, Vocals]", "Executive-Producer", "Mixed By",
     "Guitar [12-String]", "Coordinator [Production]", "Written-By", "Film Producer"]
)  # fmt: skip


@given(st.lists(PRINTED_ROLE, max_size=8))
def test_roles_of_a_comma_list_are_those_read_one_by_one(printed: list[str]) -> None:
    roles = parse_roles(", ".join(printed))
    assert [role.printed for role in roles] == printed
    alone = [role for each in printed for role in parse_roles(each)]
    assert list(map(production_role, roles)) == list(map(production_role, alone))


@given(st.text())
def test_production_is_never_read_where_no_producer_is_printed(text: str) -> None:
    if "produce" not in text.lower():
        assert classes_of(text) == []


def test_every_production_credit_of_the_real_catalogue_is_found(discogs_releases: list[dict[str, Any]]) -> None:
    texts = [credit["role"] for release in discogs_releases for credit in release["extraartists"]]
    tracks = [track for release in discogs_releases for track in release["tracklist"]]
    texts += [credit["role"] for track in tracks for credit in track["extraartists"]]
    mentioning = [text for text in texts if "roduc" in text]
    found = [text for text in texts if classes_of(text)]
    assert (len(mentioning), len(found)) == (1050, 1037)
    assert set(found) <= set(mentioning)
    assert Counter(found) == Counter(text for text in mentioning if has_a_producer_when_brackets_are_cut(text))


def has_a_producer_when_brackets_are_cut(text: str) -> bool:
    return any(part.strip().casefold().endswith("producer") for part in re.sub(r"\[.*?\]", "", text).split(","))


def test_classes_of_the_real_catalogue_are_as_counted_by_hand(discogs_releases: list[dict[str, Any]]) -> None:
    credits = [credit for release in discogs_releases for credit in release["extraartists"]]
    credits += [c for release in discogs_releases for track in release["tracklist"] for c in track["extraartists"]]
    counted = Counter(found for credit in credits for found in classes_of(credit["role"]))
    executive = sum(len(re.findall(r"Executive.[Pp]roducer(?: \[|,|$)", c["role"])) for c in credits)
    assert counted[RoleClass.EXECUTIVE] == executive
    assert counted[RoleClass.ADDITIONAL] == sum(len(re.findall(r"Producer \[Addi", c["role"])) for c in credits)
    assert counted[RoleClass.COMPILATION] == sum("Compilation Producer" in c["role"] for c in credits)
    assert counted[RoleClass.REISSUE] == sum("Reissue Producer" in c["role"] for c in credits)
    assert counted[RoleClass.CO] == sum(len(re.findall(r"Co-producer", c["role"])) for c in credits)
