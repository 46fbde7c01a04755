"""What is this used car worth, how sure is that, and what does the market do."""

__all__: list[str] = []
