"""Which mobile plan should this subscriber be on, what would they pay, and should they stay."""

__all__: list[str] = []
