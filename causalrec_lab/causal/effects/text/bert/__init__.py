"""CausalBERT: an encoder that learns, with its heads, what of a text tells of treatment and outcome."""
