"""The actions on machines and their logic, for both the REST API and the command."""
