"""One script a version; a released script never changes."""
