"""The findings of a run as text, JSON, SARIF or workflow commands; data in, text out."""
