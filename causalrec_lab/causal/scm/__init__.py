"""Structural causal models whose do-queries are exact: discrete networks and linear-Gaussian systems."""
