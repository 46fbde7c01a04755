"""Decision rows, the subscriber's record, and the matrix of features that the models read."""
