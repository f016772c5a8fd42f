"""What of a page a browser would run."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.hostile.corpus import MARK

ADDRESSES = ("href", "src", "action", "formaction", "data", "xlink:href", "poster", "background")
DATA_TYPES = ("application/json", "application/ld+json")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._runs = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if MARK in tag:
            self.found.append(f"element {tag}")
        for name, value in given.items():
            plain = "".join(character for character in value if character > " ").lower()
            if name.startswith("on") and MARK in value:
                self.found.append(f"{tag} {name}={value}")
            if name in ADDRESSES and plain.startswith(("javascript:", "data:text/html", "vbscript:")):
                self.found.append(f"{tag} {name}={value}")
            if name in ("style", "srcdoc") and MARK in value:
                self.found.append(f"{tag} {name}={value}")
        self._runs = tag == "script" and given.get("type", "").lower() not in DATA_TYPES

    def handle_endtag(self, tag: str) -> None:
        self._runs = self._runs and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._runs and MARK in data:
            self.found.append(f"script {data[:100]}")


def dangers(html: str) -> list[str]:
    """Scripts, event handlers, elements and addresses on the page that come from the poison."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found
