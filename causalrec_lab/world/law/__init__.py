"""The structural equations: who is shown what, what follows, on which day, with which stock."""
