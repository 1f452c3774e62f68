"""Which products people should see, and what their answers do."""
