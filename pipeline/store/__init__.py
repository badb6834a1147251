"""Redis: everything that is kept there, and the names of its keys. Nothing else imports redis."""
