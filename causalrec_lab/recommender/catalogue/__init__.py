"""What every recommender of a catalogue shares: its interface, histories, baselines, cold items, policies."""
