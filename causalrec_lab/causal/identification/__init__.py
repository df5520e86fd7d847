"""Which effects a graph identifies, by which formula, and what would have to be measured where none does."""
