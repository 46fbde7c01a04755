"""Who may have which plan, and when staying is the answer: rules.yaml, its checks and the reason codes."""
