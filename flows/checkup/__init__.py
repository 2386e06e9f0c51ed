"""What `retune doctor` looks at, a file per subject; `flows.doctor` puts them in order."""
