"""A platform like a log: statistics of real logs, scenarios moved to have them, and the two set side by side."""
