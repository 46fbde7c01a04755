"""Cards and plots: Markdown filled from a bundle, figures for people."""
