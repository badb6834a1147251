"""The values that all other packages work with, and the rules that they keep. Nothing here does I/O."""
