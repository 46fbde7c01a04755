"""Which plan has the lowest risk-adjusted bill, and why: ranking, sentences, what-if."""
