"""The Flask extensions, made once and bound to an app by `create_app`. Imports no feature."""

from __future__ import annotations

from flask_compress import Compress
from flask_login import LoginManager
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect

db = SQLAlchemy()
login = LoginManager()
csrf = CSRFProtect()
compress = Compress()
