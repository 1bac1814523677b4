"""Filters evaluated in Python, on what an engine has found.

An engine that cannot compare a condition itself checks it here, row by row.
"""
