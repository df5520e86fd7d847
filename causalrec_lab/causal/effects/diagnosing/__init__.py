"""Diagnostics that speak: weight tails, single rows, calibration, figures, and the sentence they add up to."""
