"""From ordinary logs to the tables of questions: decisions, sessions, splits, negative samples."""
