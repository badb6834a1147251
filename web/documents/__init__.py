"""The description of the API: OpenAPI, AsyncAPI, and the page that shows both."""
