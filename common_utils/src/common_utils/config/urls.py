"""What is asked of an address in the settings, which are copied into bundles and shown."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

__all__ = ["without_password"]

_SECRETS = {"password", "sslpassword"}


def without_password(url: str, instead: str) -> str:
    """Return an address as it is, or refuse one that holds a password.

    Parameters
    ----------
    url : str
    instead : str
        The environment variable that a password belongs into.

    Raises
    ------
    ValueError
        The address is not repeated.

    Examples
    --------
    >>> without_password("postgresql://app@db/decisions", "PGPASSWORD")
    'postgresql://app@db/decisions'
    >>> without_password("postgresql://app:secret@db/decisions", "PGPASSWORD")
    Traceback (most recent call last):
    ValueError: the url holds a password, and settings are copied into bundles; put it in PGPASSWORD
    """
    parts = urlsplit(url)
    if parts.password or not _SECRETS.isdisjoint(parse_qs(parts.query, keep_blank_values=True)):
        raise ValueError(f"the url holds a password, and settings are copied into bundles; put it in {instead}")
    return url
