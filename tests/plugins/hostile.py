"""Texts that were written, or just happen, to break what handles them."""

import unicodedata
from typing import Literal

PAYLOADS = [
    "'; DROP TABLE traces; --",
    "' OR '1'='1",
    '" OR ""="',
    "x') UNION SELECT * FROM spans --",
    "'||(SELECT body FROM spans)||'",
    "/* c */",
    "-- c",
    ";",
    "$",
    "$.env",
    '$."env"',
    "$[0]",
    "$.a[#-1]",
    "a.b",
    "a.b.c",
    "a..b",
    ".a",
    "a.",
    "[0]",
    "{}",
    "{a}",
    '{"a":1}',
    '"quoted"',
    "null",
    "true",
    "%",
    "%%",
    "_",
    "%(x)s",
    "%s",
    ":param",
    "?",
    "@p1",
    "$1",
    "*",
    "[a-z]",
    "[!a]",
    "]",
    "^",
    "\\",
    "\\\\",
    "\\'",
    "\\u0041",
    "\\0",
    "`",
    "``",
    "`;`",
    "'",
    "''",
    '"',
    '""',
    "__class__",
    "__proto__",
    "constructor",
    "timestamp",
    "name",
    "status",
    "AND",
    "OR",
    "NULL",
    "in",
    " ",
    "  ",
    " a",
    "a ",
    "\t",
    "\n",
    "a\nb",
    "a\r\nb",
    "\x1b[31m",
    "\x7f",
    "\x01",
    "\u202e",
    "\ufeff",
    "\u200b",
    "a\u200db",
    "\ufffd",
    "\U0001f389",
    "\U0010ffff",
    "日本語",
    "x" * 255,
    "x" * 256,
    "x" * 257,
    "x" * 10_000,
    "x" * 9_999 + "y",
    "é" * 5_000,
]
LOOK_ALIKES = [
    *("fi", "Ⅷ", "Å", "K", "½", "é", "ß", "İ", "Ω"),
    *("\u0131", "\u017ftatus", "\uff45\uff4e\uff56"),
]
FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = (
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
)


def _hostile() -> list[str]:
    """Return at least 300 distinct texts, many nearly equal."""
    texts = dict.fromkeys(PAYLOADS)
    for text in PAYLOADS[:78]:
        texts |= dict.fromkeys([text + text, f"a{text}", f"{text}A", text.swapcase()])
    for text in LOOK_ALIKES:
        texts |= dict.fromkeys(unicodedata.normalize(form, text) for form in FORMS)
        texts |= dict.fromkeys([text, text.upper(), text.lower()])
    return [text for text in texts if text]


HOSTILE = _hostile()
