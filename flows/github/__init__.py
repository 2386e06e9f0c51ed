"""What `.github/workflows/retrain.yml` runs: from an event to runs, through them, to a summary and a comment."""
