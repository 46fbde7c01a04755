"""Real choices among supply contracts, many by each household: models of choice tried on people, not on a simulator."""
