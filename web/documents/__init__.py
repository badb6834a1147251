"""What the API says of itself: OpenAPI, AsyncAPI, and their page."""
