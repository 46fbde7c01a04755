"""Usage months as a file has them."""

from __future__ import annotations

USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan
a,2018-01,510,0,0,ultimate
a,2018-02,490,0,16384,ultimate
b,2018-01,0,0,0,surf
c,2018-03,0,0,0,
"""
