"""The protocol of parent and child: frames, the child's progress, and its allowed system calls."""
