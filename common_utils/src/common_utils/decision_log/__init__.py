"""What was decided and what came of it: the journal of a service, the store it is shipped to, outcomes, privacy."""
