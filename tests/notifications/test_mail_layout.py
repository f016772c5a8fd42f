"""What all mails have in common: tidy text, and HTML for phones, dark mode and languages from the right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string

from django_shopcore.notifications.kinds import kind_named, kinds
from django_shopcore.notifications.models import Preferences
from django_shopcore.notifications.preferences import Wishes
from django_shopcore.notifications.previewing import Preview, previews, sample_user
from django_shopcore.notifications.rendering import Delivery

pytestmark = pytest.mark.projects("full", "host_user")

NAMES = [kind.name for kind in kinds() if "email" in kind.channels]
ENOUGH = 4.5  # WCAG 2.2, AA


def preview(name: str) -> Preview:
    return next(mail for mail in previews("en") if mail.kind.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_tidy(name: str) -> None:
    text = preview(name).text
    assert text.startswith("Hello Ada,\n\n")
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert re.search(r"&(amp|lt|gt|quot|#\d+|#x[0-9a-f]+);", text) is None
    assert "\n\n--\nshop.example\nhttps://shop.example\n\nYou get this " in text


@pytest.mark.parametrize("name", NAMES)
def test_only_mails_that_can_be_turned_off_say_how(name: str) -> None:
    mail = preview(name)
    can = not mail.kind.security
    assert ("No more mails of this kind" in mail.html, "No more mails of this kind" in mail.text) == (can, can)
    assert ("cannot be turned off" in mail.html, "cannot be turned off" in mail.text) == (not can, not can)


class Elements(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def __iter__(self) -> Iterator[tuple[str, dict[str, str]]]:
        return iter(self.found)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    html = preview(name).html
    elements = Elements(html)
    tags = {tag for tag, _ in elements}
    assert tags.isdisjoint({"img", "script", "link", "iframe", "object", "embed", "video", "audio", "svg", "form"})
    assert {"src", "srcset", "background", "poster"}.isdisjoint(key for _, attrs in elements for key in attrs)
    assert not [key for _, attrs in elements for key in attrs if key.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html
    links = [attrs["href"] for _, attrs in elements if "href" in attrs]
    assert links
    assert [link for link in links if not link.startswith("https://shop.example")] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_html_fits_a_phone(name: str) -> None:
    """No width in pixels that could not shrink: those of Outlook, which knows no other, are in its comments."""
    for _, attrs in Elements(preview(name).html):
        assert not attrs.get("width", "").isdigit()
        assert re.search(r"(?<![-\w])(min-)?width:\s*\d+px", attrs.get("style", "")) is None


def test_a_language_written_from_the_right_turns_the_page() -> None:
    mails = {code: next(mail.html for mail in previews(code) if mail.kind.name == "welcome") for code in ("en", "he")}
    for code, direction in (("en", "ltr"), ("he", "rtl")):
        marked = [attrs for _, attrs in Elements(mails[code]) if attrs.get("lang")]
        assert [(attrs["lang"], attrs["dir"]) for attrs in marked] == [(code, direction)] * 2


# Light and dark


def colours(text: str) -> dict[str, str]:
    """By property; those of borders are ``border``, whichever side they are on."""
    return dict(re.findall(r"(?<![-\w])(color|background-color|border)[-\w]*:[^;#]*(#[0-9a-f]{6})", text))


def dark_look(html: str) -> dict[str, dict[str, str]]:
    """Colours by class."""
    block = html.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    return {name: colours(body) for name, body in re.findall(r"\.([\w ]+?) \{([^}]*)\}", block)}


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_has_one_for_the_dark(name: str) -> None:
    """An element that sets a colour has a class that the dark look knows; a button's link is known by its button."""
    html = preview(name).html
    dark = dark_look(html)
    for tag, attrs in Elements(html):
        classes = set(attrs.get("class", "").split())
        for what in colours(attrs.get("style", "")):
            is_label = tag == "a" and "display:inline-block" in attrs["style"] and "button a" in dark
            assert is_label or any(what in dark.get(known, {}) for known in classes), (tag, attrs)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_contrast_is_enough(mode: str) -> None:
    html = preview("password_reset").html
    look = dark_look(html)
    if mode == "light":
        look = {"button a": {"color": "#ffffff"}}
        for _, attrs in Elements(html):
            for name in attrs.get("class", "").split():
                look.setdefault(name, {}).update(colours(attrs.get("style", "")))
    page, card, button = (look[name]["background-color"] for name in ("page", "card", "button"))
    assert len({page, card, button}) == 3
    for name in ("text", "muted", "link"):
        assert contrast(look[name]["color"], card) >= ENOUGH
        assert contrast(look[name]["color"], page) >= ENOUGH
    assert contrast(look["button a"]["color"], button) >= ENOUGH
    assert contrast(button, card) >= 3


# Parts


def test_the_button_is_a_link_that_can_be_copied_too() -> None:
    html = render_to_string("shopcore/notifications/button.html", {"url": 'https://a/?x=1&y="><b>', "label": "<i>Go"})
    links = [attrs["href"] for tag, attrs in Elements(html) if tag == "a"]
    assert links == ['https://a/?x=1&y="><b>'] * 2
    assert "&lt;i&gt;Go" in html
    assert html.count("https://a/?x=1&amp;y=&quot;&gt;&lt;b&gt;") == 3


def reason(name: str, user: Any) -> list[str]:
    kind = kind_named(name)
    assert kind is not None
    delivery = Delivery(kind, user, "ada@example.com", extra=kind.sample, wishes=Wishes(Preferences(language="en")))
    return [re.sub(r"\s+", " ", text) for text in delivery.render("body.txt", "body.html")]


def test_a_mail_says_why_its_reader_gets_it() -> None:
    for body in reason("welcome", sample_user()):
        assert "You get this because you have an account at shop.example." in body
    for body in reason("product_created", None):
        assert "You get this as an admin of shop.example." in body
    for body in reason("verify_address", None):
        assert "You get this because somebody entered this address at shop.example." in body


@pytest.mark.parametrize("name", ["daily_digest", "weekly_digest"])
def test_a_digest_lists_its_lines_with_the_readers_time_and_says_how_many_more(name: str) -> None:
    kind = kind_named(name)
    assert kind is not None
    extra = {**kind.sample, "more": 3, "count": 5}
    wishes = Wishes(Preferences(language="en", time_zone="Asia/Tokyo"))
    subject, text, html = Delivery(kind, sample_user(), "ada@example.com", extra=extra, wishes=wishes).render(
        "subject.txt", "body.txt", "body.html"
    )
    assert subject == f"Your {'day' if name.startswith('daily') else 'week'} at shop.example: 5 messages"
    assert (
        "\n\n- Jan. 31, 2026, 6:15 p.m.\n  New product: Walnut desk\n"
        "- Feb. 1, 2026, 1:40 a.m.\n  Product deleted: Oak chair\n\nand 3 more\n" in text
    )
    assert "Feb. 1, 2026, 1:40 a.m." in html
    assert "and 3 more" in html


def test_a_digest_of_one_and_a_line_with_markup() -> None:
    kind = kind_named("daily_digest")
    assert kind is not None
    [line, _] = kind.sample["lines"]
    extra = {"count": 1, "more": 0, "lines": [{**line, "text": "<b>Desk</b> {{ name }}"}]}
    subject, text, html = Delivery(kind, sample_user(), extra=extra, wishes=Wishes(Preferences(language="en"))).render(
        "subject.txt", "body.txt", "body.html"
    )
    assert subject == "Your day at shop.example: 1 message"
    assert "  <b>Desk</b> {{ name }}\n" in text
    assert "&lt;b&gt;Desk&lt;/b&gt; {{ name }}" in html
    assert " more" not in text.partition("--")[0]
