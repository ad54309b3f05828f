"""The WSGI application, for any server: `granian --interface wsgi wsgi:app`."""

from invoices_app import create_app

app = create_app()
