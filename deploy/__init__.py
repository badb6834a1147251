"""The files of the compose stack besides the image: secrets, users, and the configuration of the servers."""
