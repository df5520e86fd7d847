"""Effects by an instrument: two-stage least squares, doubly robust LATE, and sets that hold where it is weak."""
