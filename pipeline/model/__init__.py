"""The values that everything else works with, and the rules that they keep. Nothing here does I/O."""
