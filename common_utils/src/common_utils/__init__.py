"""What every project shares; importing it stays light (no pandas, no scikit-learn)."""

__all__: list[str] = []
__version__ = "0.1.0"
