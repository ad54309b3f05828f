"""Mail: written into `mail_outbox` by the action that causes it, delivered after its commit."""

from __future__ import annotations

from invoices_app.mail.outbox import Letter, post
from invoices_app.mail.sender import init_mail, sender_of

__all__ = ["Letter", "init_mail", "post", "sender_of"]
