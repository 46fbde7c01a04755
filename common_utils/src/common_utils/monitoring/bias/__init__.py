"""Are groups treated alike, given what they could save."""
