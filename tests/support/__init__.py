"""What the tests share: the server, the app, the cast, their browsers, and factories."""
