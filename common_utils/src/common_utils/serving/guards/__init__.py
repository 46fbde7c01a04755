"""What stands before a service: access, bounds of fields, nesting of JSON, the protocol itself."""
