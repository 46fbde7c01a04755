"""CSV files as text, gone through in bounded memory: encoding, dialect, records, rows."""
