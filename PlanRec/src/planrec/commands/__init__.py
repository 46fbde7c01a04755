"""What each command of `planrec` does."""
