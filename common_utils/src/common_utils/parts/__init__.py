"""A batch run over several cores: processes that answer blocks in order, parts of a run that add up."""
