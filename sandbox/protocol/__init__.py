"""What parent and child share: frames, the child's progress, and the system calls it may make."""
