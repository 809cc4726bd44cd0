"""Reading the addresses of profiles."""

import pytest

from music_pipeline.catalog.profiles import Address, read_address


@pytest.mark.parametrize(
    ("text", "url", "service", "handle"),
    [
        ("https://www.instagram.com/Some.Body/", "https://www.instagram.com/some.body", "instagram", "some.body"),
        ("http://instagram.com/somebody?hl=en", "https://www.instagram.com/somebody", "instagram", "somebody"),
        ("https://x.com/SomeBody", "https://twitter.com/somebody", "twitter", "somebody"),
        ("https://mobile.twitter.com/somebody", "https://twitter.com/somebody", "twitter", "somebody"),
        ("https://www.facebook.com/pages/Some-Body/123456", "https://www.facebook.com/123456", "facebook", "123456"),
        ("https://www.facebook.com/profile.php?id=987", "https://www.facebook.com/987", "facebook", "987"),
        ("https://soundcloud.com/some-body/tracks", "https://soundcloud.com/some-body", "soundcloud", "some-body"),
        ("https://www.youtube.com/channel/UCaB", "https://www.youtube.com/channel/UCaB", "youtube", "channel/UCaB"),
        ("https://www.youtube.com/@SomeBody", "https://www.youtube.com/@somebody", "youtube", "@somebody"),
        ("https://somebody.bandcamp.com/", "https://somebody.bandcamp.com", "bandcamp", "somebody"),
        ("https://www.tiktok.com/@somebody", "https://www.tiktok.com/@somebody", "tiktok", "somebody"),
        ("https://en.wikipedia.org/wiki/Somebody", "https://en.wikipedia.org/wiki/Somebody", "wikipedia", None),
        ("http://www.discogs.com/artist/12?x=1", "https://www.discogs.com/artist/12", "discogs", None),
        ("https://www.somebody.example/?page=1", "https://www.somebody.example/?page=1", "website", None),
    ],
)
def test_account_is_read_in_its_standard_form(text: str, url: str, service: str, handle: str | None) -> None:
    assert read_address(text) == Address(url, service, handle)


@pytest.mark.parametrize(
    "text",
    [
        "", "somebody", "ftp://instagram.com/somebody", "https://instagram.com/", "https://www.instagram.com/p/Cabc/",
        "https://twitter.com/intent/follow", "https://www.youtube.com/watch?v=abc", "https://bandcamp.com/search",
        "https://www.facebook.com/sharer.php?u=x", "https://[broken", "mailto:somebody@example.org",
    ],
)  # fmt: skip
def test_posts_and_service_pages_are_no_profiles(text: str) -> None:
    assert read_address(text) is None
