"""Which bank customers will leave, and which of them are worth contacting."""

__all__: list[str] = []
