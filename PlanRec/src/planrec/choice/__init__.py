"""Which plan people take: conditional logit, boosted challenger, selection, compiled form."""
