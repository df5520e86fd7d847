"""What texts say: encoders, fine-tuned classifiers, topics, interests, matching and generation."""
