"""What an offer is worth: chance of acceptance, saving, margin and churn."""
