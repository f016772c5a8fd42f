"""How a search text is read: words, phrases, and what counts as a letter. PostgreSQL and SQLite index alike."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Inside brackets of a regular expression, Python's and PostgreSQL's. Written into stored documents: a change
# needs another name for postgresql.FOLD and sqlite's view, so that old documents are known as such.
PUNCTUATION = (
    r"\u0001-/:-@\[-`\{-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u2190-\u23ff"
    r"\u2500-\u27bf\u2e00-\u2e7f\u3000-\u3004\u3008-\u3030\ufe00-\ufe0f"
)
# Scripts written without blanks: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U000323af"
)
UNSPACED_LETTERS = UNSPACED.encode().decode("unicode_escape")  # for GLOB, which knows no escapes
ACCENTS = r"\u00ad\u0300-\u036f"  # and the soft hyphen
# Letters that Unicode does not take apart into a letter and an accent.
LETTERS = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
SINGLE_LETTERS = ("øØłŁđĐħĦıς", "oOlLdDhHiσ")  # noqa: RUF001
# Accented letters that SQLite's own tokenizer leaves as they are.
NOT_LATIN = "ЁёЙйЇїЎўЃѓЌќΆΈΉΊΌΎΏΪΫάέήίόύώϊϋΐΰ"

MAX_WORDS = 12
MAX_WORD_LENGTH = 100

_separators = re.compile(f"[{PUNCTUATION}]+")
_accents = re.compile(f"[{ACCENTS}]+")
_unspaced = re.compile(f"([{UNSPACED}])")
_quotes = re.compile("[\u201c-\u201f\u00ab\u00bb\uff02]")
_parts = re.compile(r'"([^"]*)"|([^"]+)|"')
_letter = re.compile(r"[^\W_]")
_words = re.compile(r"[^\W_]+")
_singles = str.maketrans(*SINGLE_LETTERS)


def fold(text: str) -> str:
    """``text`` without accents and compatibility forms, punctuation as blanks. Its case is left alone."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_singles)
        for letter, plain in LETTERS.items():
            text = text.replace(letter, plain)
        text = unicodedata.normalize("NFC", _accents.sub("", text))
    return _separators.sub(" ", text)


@dataclass(frozen=True)
class Term:
    """One thing that must match: tokens that follow each other, the last one perhaps only the beginning of a word."""

    tokens: tuple[str, ...]
    prefix: bool


def terms_of(text: str) -> list[Term]:
    """The words and the phrases "in double quotes" of a search text, at most ``MAX_WORDS`` words in all."""
    terms: list[Term] = []
    left = MAX_WORDS
    for match in _parts.finditer(_quotes.sub('"', text)):
        quoted, plain = match.groups()
        words = [word[:MAX_WORD_LENGTH] for word in fold(quoted or plain or "").split() if _letter.search(word)][:left]
        left -= len(words)
        if quoted and words:
            terms.append(Term(tuple(token for word in words for token in tokens_of(word)), prefix=False))
        elif words:
            terms += map(_term, words)
    return terms


def tokens_of(word: str) -> list[str]:
    """What a folded word is indexed as: letters of scripts without blanks stand alone."""
    return _unspaced.sub(r" \1 ", word).split()


def _term(word: str) -> Term:
    tokens = tokens_of(word)
    return Term(tuple(tokens), prefix=not _unspaced.match(tokens[-1]))


def words_in(text: str) -> list[str]:
    """The words of ``text`` as they are searched for, in lower case."""
    return [fold(word).lower() for word in _words.findall(text)]


def replace_words(text: str, replacements: dict[str, str]) -> str:
    """``text`` with the words of ``words_in`` that are keys of ``replacements`` replaced."""
    return _words.sub(lambda match: replacements.get(fold(match[0]).lower(), match[0]), text)
