"""The doors: each turns one transport into calls of the intake."""
