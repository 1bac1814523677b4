"""One script per version; a released script never changes."""
