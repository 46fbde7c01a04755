"""Does the world still look as it did: profiles, quality, drift, late labels, bias."""
