"""Which bank customers will leave, and whom is it worth to contact."""

__all__: list[str] = []
