"""Average effects from rows whose covariates close every back door: one file a family of estimators."""
