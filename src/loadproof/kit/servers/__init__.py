"""Servers that stand beside a test, each a plain process: the token broker and the inbox.

Neither gevent nor Locust is loaded here, so that a server answers on time however busy the load is.
"""
