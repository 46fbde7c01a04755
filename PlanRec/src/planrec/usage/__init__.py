"""Usage months and call records: how they are read, checked and streamed."""
