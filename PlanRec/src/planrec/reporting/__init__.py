"""Tables and plots for people: how figures are written."""
