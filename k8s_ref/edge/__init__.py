"""The edge · 边缘

Everything that touches the world outside: sockets, TLS, the wall clock.  Nothing below imports
it; whoever starts a server injects it.
"""
