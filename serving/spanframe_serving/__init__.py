"""Listening for requests: addresses, sockets, TLS, tokens, an HTTP server, the log."""
