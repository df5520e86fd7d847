"""Effects across segments: shrunk towards each other, predicted for a new segment, chosen between from few data."""
