"""What people see: HTML from templates, in their language, that works without a script."""
