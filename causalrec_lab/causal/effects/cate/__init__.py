"""Effects that differ: who gains, by how much, how far the answer can be trusted, and whom to treat then."""
