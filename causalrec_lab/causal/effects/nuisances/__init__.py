"""What estimators learn on the way: propensities and outcome surfaces, predicted out of fold."""
