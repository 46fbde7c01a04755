"""One service contract for all projects: routes, errors, health, metrics, the server."""
