"""The parent of the confined children: starts them, gives them work, and checks all their answers."""
