"""Small worlds for one question each: linear-Gaussian, front door, staggered adoption, retention."""
