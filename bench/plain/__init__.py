"""The plain peer: what a competent team builds in a week from the service's own packages. See app.py."""
