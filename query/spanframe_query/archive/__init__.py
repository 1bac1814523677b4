"""Archives: traces and spans in Parquet files, one folder a day, and back.

``FOLDER/traces/day=2026-01-31/part.parquet`` has a row a trace, ``FOLDER/spans/…`` one
a span. Other engines read the columns; the column ``otlp`` has the bytes of a span as
they arrived, so that a store can be made of the files again.
"""
