"""The recipes in docs/recipes, executed as written with the real programs."""
