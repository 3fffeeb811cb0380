"""The forwarder: what a one-stop system tells, kept in a durable queue on its own host until the service has it."""
