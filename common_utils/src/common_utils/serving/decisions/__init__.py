"""What a service keeps of its answers: events for the caller, lines for the decision log, outcomes that are told."""
