"""The path of a reading: from its partition's queue, through its machine's logic, to a result."""
