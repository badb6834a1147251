"""Access control: tokens and roles, the guard of every request, rate limits, and the audit trail."""
