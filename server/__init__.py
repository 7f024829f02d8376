"""AIMET Model Guidelines: finds what AIMET's model guidelines forbid in PyTorch source, and repairs it."""

__version__ = "0.1.0"
