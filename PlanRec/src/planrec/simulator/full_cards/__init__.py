"""Events with classes, zones and times of a simulated operator, for a full rate card."""
