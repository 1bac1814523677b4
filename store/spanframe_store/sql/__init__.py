"""The store: schema, engines, writer, migrations; what the query room may import."""
