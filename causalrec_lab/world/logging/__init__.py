"""What the platform writes down: decisions, lists, streams, experiments."""
