"""The HTML report: pages that open without a network."""
