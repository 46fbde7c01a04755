"""Usage months of a file piece by piece: the rows of a subscriber together, checked in any process."""
