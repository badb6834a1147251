"""What the compose stack needs beside the image: secrets, users, and how servers are configured."""
