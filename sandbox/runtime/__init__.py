"""What a logic finds when it runs: functions, methods and modules, each of which pays for its steps."""
