"""Training scripts that run unchanged in a SageMaker container and here; they import nothing else of retune."""
