"""What bills to expect: recorded months, the usage forecast, and the questionnaire that stands in for months."""
