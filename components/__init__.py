"""The stages of a retraining, in the order data flows through them; none of them knows Prefect."""
