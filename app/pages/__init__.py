"""What people see: pages made on the server from the API's own answers."""
