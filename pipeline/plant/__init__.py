"""What people do with machines and their logic, for the REST API and the command alike."""
