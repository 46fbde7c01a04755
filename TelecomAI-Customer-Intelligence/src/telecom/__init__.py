"""Smart or Ultra: the plan a month of usage was on, as the public table says it."""

__all__: list[str] = []
