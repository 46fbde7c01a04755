"""Runs: what was tried, on which data and code, with which figures; files here, MLflow as a mirror of them."""
