"""What a table looked like, in counts: written by training, by commands and by services, and added up."""
