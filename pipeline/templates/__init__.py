"""Templates of logics: decoders and counters to start from, each with its examples and settings."""
