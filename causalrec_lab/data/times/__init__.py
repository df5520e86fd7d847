"""Moments: text and clocks of many zones, read in one way in memory and where the data lives."""
