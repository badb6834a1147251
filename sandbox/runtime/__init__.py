"""The functions, methods and modules that a running logic can use. Each of them pays for its steps."""
