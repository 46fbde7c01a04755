"""What a draft plan would do: demand, revenue, who moves."""
