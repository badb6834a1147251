"""The check at upload: reads a source, refuses it if the policy does not allow it, and adds the metering."""
