"""The sequence Transformer: network, objectives, training, checkpoints, tuning and attribution."""
