"""HTTP: requests before they reach a handler, and answers on their way out."""
