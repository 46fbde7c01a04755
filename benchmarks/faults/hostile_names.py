"""Names that lead elsewhere, run something, or cannot be written down."""

from __future__ import annotations

from itertools import product

__all__ = ["hostile_names"]

_TARGETS = ("etc/passwd", "current", "manifest.json", "proc/self/environ", "x")
_CLIMBS = (
    "../",
    "../../../../",
    "..\\..\\",
    "/",
    "//",
    "./../",
    "%2e%2e/",
    "%252e%252e%252f",
    "..%c0%af",
    "....//",
    "~/",
)
_WRAPS = ("{}", "{}\x00.json", "{}/", "{};id")
_OTHERS = (
    "", ".", "..", " ", "\t", "\n", "a\r\nSet-Cookie: x=1", "\x00", "\x7f", "$(id)", "`id`", "${HOME}", "| id", "; id",
    "&& id", "=cmd()", "@SUM(1)", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "' OR '1'='1", "%s%n",
    "-rf", "--help", "con", "nul", "file:///etc/passwd", "http://127.0.0.1/", "\\\\host\\share", "C:\\x", "a" * 5000,
    "\u202egnp", "\ufeffx", "ａ", "𝄞", "..\u2215x", "\ud800",
)  # fmt: skip


def hostile_names() -> list[str]:
    """Return more than 200 different names."""
    climbs = [wrap.format(climb + target) for climb, target, wrap in product(_CLIMBS, _TARGETS, _WRAPS)]
    return list(dict.fromkeys([*_OTHERS, *climbs]))
