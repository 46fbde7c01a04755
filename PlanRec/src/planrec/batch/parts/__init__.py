"""Batch runs in parts: what any process can answer, and the folder that parts are written to."""
