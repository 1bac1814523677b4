"""The query room: the filter language, search, entities and DataFrames."""
