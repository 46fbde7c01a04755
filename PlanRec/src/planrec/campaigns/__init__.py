"""Past campaigns: moments of contact, uplift, off-policy estimates."""
