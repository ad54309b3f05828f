"""The WSGI application, for any server: `granian --interface wsgi wsgi:app`."""

from invoices_app import create_app
from invoices_app.accounts.housekeeping import housekeeper_of
from invoices_app.mail import sender_of

app = create_app()
sender_of(app).start()
housekeeper_of(app).start()
