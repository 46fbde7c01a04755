"""The HTTP service and the dashboard of CarVision."""
