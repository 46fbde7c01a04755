"""What tests of every project run; nothing that ships imports it."""
