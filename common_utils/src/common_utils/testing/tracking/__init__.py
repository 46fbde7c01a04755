"""Stand-ins for a server of runs: one that answers, and some that ail."""
