"""A file as it is written: rows before any value is checked, forms of columns, their units and spellings."""
