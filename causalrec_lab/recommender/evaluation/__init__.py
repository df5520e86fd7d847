"""How good a model is: rankings over the whole catalogue, shown items, classified texts."""
