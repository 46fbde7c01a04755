"""The commands of runs and of their mirror; `views` loads what they need when one runs."""
