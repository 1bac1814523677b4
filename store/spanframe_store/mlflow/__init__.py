"""MLflow's tracking store, as far as traces go: read, never written."""
