"""What is broken, repeated or out of proportion in a table, and what is done about it."""
