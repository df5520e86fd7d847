"""Text and history as confounders: how much of a hidden trait's bias each reading takes away."""
