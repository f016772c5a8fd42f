"""The poison: texts, JSON values and whole bodies that have broken others.

``TEXTS`` goes wherever there is text: into fields, parameters, paths, headers and cells. ``VALUES`` are JSON, written
out, because Python's own encoder could not write most of them. Everything has a name that a failure is told by.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib

# Where operations share code they share the poison too: each takes its part in turn, unless somebody has the time.
EVERYTHING = bool(os.environ.get("SHOPCORE_TEST_EVERY_POISON"))

# Whatever of this shows up as code on a page was run there; see pages.py.
MARK = "shopcorepoison"

SCRIPTS = {
    "script": f"<script>{MARK}()</script>",
    "script that ends another": f"</script><script>{MARK}()</script>",
    "script that ends a title": f"</title></textarea></style><script>{MARK}()</script>",
    "comment": f"--><script>{MARK}()</script><!--",
    "event": f"<img src=x onerror={MARK}()>",
    "event in quotes": f'" autofocus onfocus="{MARK}()" x="',
    "event in apostrophes": f"' autofocus onfocus='{MARK}()' x='",
    "svg": f"<svg/onload={MARK}()>",
    "element": f"<{MARK}>",
    "javascript:": f"javascript:{MARK}()",
    "javascript: with a tab": f"java\tscript:{MARK}()",
    "data:": f"data:text/html,<script>{MARK}()</script>",
    "a link of Markdown": f"[x](javascript:{MARK}())",
}
TEMPLATES = {
    "Django variable": MARK + "{{ 7|add:7 }}" + MARK,
    "Django tag": MARK + "{% widthratio 14 1 1 %}" + MARK,
    "Jinja": MARK + "{{ 7*2 }}" + MARK,
    "EL": MARK + "${7*2}" + MARK,
    "ERB": MARK + "<%= 7*2 %>" + MARK,
    "JNDI": "${jndi:ldap://127.0.0.1:1/a}",
    "format": "{0.__class__.__mro__}{self}%s%n%(x)s%",
}
FORMULAS = {
    "formula": '=HYPERLINK("http://127.0.0.1/?"&A1)',
    "formula with plus": "+1+cmd|' /C calc'!A0",
    "formula with minus": "-1+1|cmd",
    "formula with at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula behind a tab": "\t=1+1",
    "formula behind a return": "\r=1+1",
    "wide equals sign": "\uff1d1+1",
}
TEXTS = SCRIPTS | TEMPLATES | FORMULAS | {
    "empty": "",
    "space": " ",
    "odd spaces": "\u00a0\u2003\u3000\t",
    "NUL": "a\x00b",
    "controls": "".join(map(chr, [*range(1, 32), 127])),
    "high surrogate": "a\ud800",
    "low surrogate": "\udfff",
    "no character": "\ufffe\uffff\U0010ffff",
    "right to left": "\u202egnp.exe\u202c \u2066x\u2069",
    "zero width": "a\u200b\u200c\u200d\ufeff\u2060b",
    "marks": "Z" + "\u0301\u0489" * 120,
    "ligature": "\ufdfa" * 100,
    "emoji family": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "sharp s and dotted i": "ﬀß\u0130\u0131ǅ",
    "separators": "a\u2028b\u2029c\x85d",
    "Arabic digits": "١٢٣",
    "wide digits": "１２",
    "superscript digit": "²",
    "roman digit": "Ⅷ",
    "underscored digits": "1_000",
    "zero": "0",
    "minus zero": "-0",
    "leading zeros": "0001",
    "plus": "+1",
    "hexadecimal": "0x10",
    "exponent": "1e5",
    "infinite": "Infinity",
    "not a number": "NaN",
    "32 bits and one": "2147483648",
    "64 bits": "9223372036854775807",
    "64 bits and one": "9223372036854775808",
    "googol": "1" + "0" * 100,
    "5,000 digits": "9" * 5000,
    "tiny": "1e-400",
    "many decimals": "0." + "0" * 50 + "1",
    "comma": "1,5",
    "CRLF": "x\r\nX-Injected: yes\r\n\r\n<b>y</b>",
    "path": "../../../../etc/passwd",
    "path of Windows": "..\\..\\windows\\win.ini",
    "file:": "file:///etc/passwd",
    "metadata service": "http://169.254.169.254/latest/meta-data/",
    "network path": "//example.com/",
    "user info": "https://example.com@127.0.0.1:1/",
    "broken address": "https://[::1/",
    "bad port": "https://example.com:99999999/",
    "SQL quote": "' OR '1'='1",
    "SQL union": "1) UNION SELECT password FROM auth_user--",
    "SQL stacked": "1; DROP TABLE shopcore_catalog_product;--",
    "SQL comment": "*/ 1=1 /*",
    "SQL sleep": "1 AND (SELECT pg_sleep(9))",
    "lookup": "category__private_metadata__icontains",
    "like": "%_\\%",
    "full text operators": "a & | ! <-> :* ( 'b \"c\" NEAR(x, 2) AND OR NOT *",
    "regular expression": "(a+)+$" + "a" * 40 + "!",
    "globs": "*?[a-z]{1,2}",
    "JSON in text": '{"$gt": "", "__proto__": {"admin": true}}',
    "XML": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "shell": "$(id);`id`|id&&id",
    "LDAP": "*)(uid=*))(|(uid=*",
    "dunder": "__class__",
    "constructor": "constructor.prototype",
    "null as text": "null",
    "true as text": "true",
    "undefined": "undefined",
    "address": "a@b@c@example.com",
    "address with a header": "a@example.com\nBcc: b@example.com",
    "international address": "ü@exämple.com",
    "day that is none": "2026-02-30T25:61:61Z",
    "first day": "0001-01-01T00:00:00+14:00",
    "last day": "9999-12-31T23:59:59-14:00",
    "leap second": "2016-12-31T23:59:60Z",
    "year of five digits": "+12026-01-01T00:00:00Z",
    "id that is none": "00000000-0000-0000-0000-000000000000",
    "id with braces": "{00000000-0000-0000-0000-000000000000}",
    "urn": "urn:uuid:00000000-0000-0000-0000-000000000000",
    "a list of fields": "id,id,id,," + "name," * 300,
    "many words": "a " * 2000,
    "long": "x" * 70_000,
}  # fmt: skip


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


VALUES = {name: json.dumps(text) for name, text in TEXTS.items()} | {
    "null": "null",
    "true": "true",
    "false": "false",
    "0": "0",
    "-0": "-0",
    "-0.0": "-0.0",
    "-1": "-1",
    "1": "1",
    "1.5": "1.5",
    "NaN itself": "NaN",
    "Infinity itself": "-Infinity",
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e-400": "1e-400",
    "1e308": "1e308",
    "1E+999999": "1E+999999",
    "2^31": str(2**31),
    "2^63": str(2**63),
    "-2^63-1": str(-(2**63) - 1),
    "a number of 500 digits": "9" * 500,
    "a number of 5,000 digits": "9" * 5000,
    "[]": "[]",
    "{}": "{}",
    "[null]": "[null]",
    "[[]]": "[[[]]]",
    "list of texts": '["a", "a"]',
    "list of objects": '[{}, {"id": {}}]',
    "1,100 numbers": json.dumps(list(range(1100))),
    "object": '{"a": 1, "b": [1, {"c": null}]}',
    "odd keys": '{"": 1, " ": 2, "a.b": 3, "__proto__": 4, "$ref": 5, "\\ud83d\\ude00": 6}',
    "duplicate keys": '{"a": 1, "a": 2, "a": [3]}',
    "key with NUL": '{"a\\u0000": 1}',
    "key with a surrogate": '{"\\udc00": 1}',
    "key with a script": json.dumps({SCRIPTS["event in quotes"]: SCRIPTS["script"]}),
    "NUL far inside": '{"a": [{"b": "\\u0000"}]}',
    "1e400 far inside": '{"a": [1e400]}',
    "60 deep": _nested(60),
    "100 deep": _nested(100),
    "5,000 deep": _nested(5_000),
    "100,000 deep": _nested(100_000),
    "20 kB object": json.dumps({"a": "x" * 20_000}),
    "10,000 keys": json.dumps({str(number): None for number in range(10_000)}),
}

# Whole bodies, as bytes, with the Content-Type that they claim.
JSON = "application/json"
BODIES = {
    "nothing": (b"", JSON),
    "spaces": (b"  \n", JSON),
    "a brace": (b"{", JSON),
    "two documents": (b"{}{}", JSON),
    "a BOM": (b"\xef\xbb\xbf{}", JSON),
    "UTF-16": ("{}".encode("utf-16"), JSON),
    "UTF-7": (b"+AHs-+AH0-", "application/json; charset=utf-7"),
    "half a character": (b'{"name": "\xc3"}', JSON),
    "an encoded surrogate": (b'{"name": "\xed\xa0\x80"}', JSON),
    "an overlong slash": (b'{"name": "\xc0\xaf"}', JSON),
    "a raw line break": (b'{"name": "a\nb"}', JSON),
    "single quotes": (b"{'name': 1}", JSON),
    "1 MiB and more": (b'{"name": "' + b"x" * 1_100_000 + b'"}', JSON),
    "an endless list": (b"[" * 100_000, JSON),
    "objects in objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON),
    "a form": (b"name=x&price=1", "application/x-www-form-urlencoded"),
    "parts": (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--x--\r\n', "multipart/form-data; boundary=x"),
    "parts without end": (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx', "multipart/form-data; boundary=x"),
    "parts without boundary": (b"--x", "multipart/form-data"),
    "parts with a boundary of 500": (b"--x", "multipart/form-data; boundary=" + "x" * 500),
    "parts in base64 that is none": (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n', "multipart/form-data; boundary=x"),
    "XML": (TEXTS["XML"].encode(), "application/xml"),
    "pickle": (b"\x80\x04\x95", "application/octet-stream"),
    "YAML": (b"!!python/object/apply:os.getpid []", "application/yaml"),
    "gzip": (b"\x1f\x8b\x08\x00", JSON),
    "no type": (b"{}", ""),
    "a type of nonsense": (b"{}", "/;;=,\x7f"),
    "a long type": (b"{}", "application/json; x=" + "y" * 8_000),
}  # fmt: skip


def zip_bomb(size: int = 50_000_000) -> bytes:
    """A small archive that unpacks to ``size`` bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.csv", b"0" * size)
    return file.getvalue()


def image_bomb() -> bytes:
    """A PNG that says it has 50,000 by 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (50_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + b"\x08\x02\x00\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\x00" * 1_000_000)) + chunk(b"IEND", b"")


def workbook() -> bytes:
    """An .xlsx: what somebody sends who has not exported the sheet as CSV."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", '<?xml version="1.0" encoding="UTF-8"?><Types/>')
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>")
    return file.getvalue()
