"""Has the world moved: single steps, and small shifts that last."""
