"""The population: users, items, their latent traits, and the tables a platform sees of them."""
