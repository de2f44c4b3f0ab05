"""The authorization server: OAuth 2.1 on Authlib, a server object for each request.

Authlib is synchronous, so its callbacks run on the connection that `run_sync` hands them, in one
transaction a request. It decides by the rules of the RFCs; what it leaves open, or does otherwise
than we want, is overridden here, and each place says why.
"""

from app.oauth.metadata import RESOURCE
from app.oauth.routes import routes

__all__ = ["RESOURCE", "routes"]
