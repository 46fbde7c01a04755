"""The HTTP face of PlanRec: parse, call, render."""
