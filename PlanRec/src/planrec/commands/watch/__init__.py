"""Commands that look at what happens after training: monitoring and bias."""
