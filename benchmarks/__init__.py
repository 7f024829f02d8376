"""How fast the tool is, as ratios taken in one run: `python -m benchmarks`, or one of its modules alone."""
