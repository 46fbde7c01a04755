"""One record answered in microseconds: rating, features and advice restated for speed."""
