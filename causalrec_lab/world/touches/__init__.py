"""What goes with a recommendation besides which item it is: nothing, a written reason, a reminder."""
