"""What only PlanRec knows of a changed world: the rate card, kinds of subscribers, and what it does to advice."""
