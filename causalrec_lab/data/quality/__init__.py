"""What a log holds, what it hides, and which estimates that threatens."""
