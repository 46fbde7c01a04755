"""The commands of `planrec`: each module reads the options of one group, `run` does what they ask."""
