"""What CatBoost, LightGBM and scikit-learn's histogram boosting keep of a forest, read in one place."""
