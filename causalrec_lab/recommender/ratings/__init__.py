"""Ratings given by choice: kernel and logistic models, propensities of being rated, debiasing losses."""
