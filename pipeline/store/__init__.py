"""Redis: all data that the system keeps there, and the names of the keys. No other package imports redis."""
