"""What is tried against a decision log: a service that is killed under load, and values that must be found nowhere."""
