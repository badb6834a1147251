"""Who may do what: tokens and their roles, the gate that every request passes, rates, and the audit trail."""
