"""The causal graph: its text and picture, its structure, d-separation."""
