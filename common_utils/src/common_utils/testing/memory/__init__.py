"""The peak of memory of commands that take a table, measured at two sizes: who holds the table is found."""
