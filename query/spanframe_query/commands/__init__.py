"""Commands beside ``search`` and ``get``: those that only read, those that edit."""
