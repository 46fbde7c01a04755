"""What each command does once its request is read; these modules load the libraries that --help does without."""
