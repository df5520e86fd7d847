"""One module a family of real data sets: files in, `Dataset` out, with the traps of each file taken care of."""
