"""The next bundle of PlanRec: which rows neither bundle learnt from, what is measured on them, what data is checked."""
