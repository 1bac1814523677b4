"""A second process that writes to the store while requests queue up."""
