"""results/index.html: one file without a script, made again by every analysis."""
