"""The benchmark: load from the demo province against the service and its peers, in one run on one machine."""
