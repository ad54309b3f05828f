"""What people are told by mail about their second factor."""

from __future__ import annotations

from invoices_app.mail import Letter

NOT_YOU = (
    "If it was not you, set a new password at once: on the sign-in page, under “Forgotten your password?”. "
    "Then look at your second factor."
)

ON = Letter(
    "Two-factor sign-in is on",
    [
        "From now on, signing in to Invoices asks for a code from your authenticator app as well as your password.",
        "Every other browser was signed out.",
        "Keep your recovery codes in a safe place: each gets you in once without the app.",
        NOT_YOU,
    ],
)
OFF = Letter(
    "Two-factor sign-in is off",
    ["Signing in to Invoices asks for your password alone from now on.", NOT_YOU],
)
NEW_CODES = Letter(
    "You have new recovery codes",
    ["New recovery codes were made for your Invoices account. The earlier ones work no more.", NOT_YOU],
)
RESET = Letter(
    "Your second factor was taken off",
    [
        "Who runs Invoices has switched off two-factor sign-in for your account, and signed out every browser.",
        "Sign in with your password, and set it up again.",
        "If you did not ask for this, tell them at once.",
    ],
)
WRONG_CODES = Letter(
    "Somebody knows your password",
    [
        "Somebody entered the right password of your Invoices account, and then five wrong codes. They did not get in.",
        "If it was not you, set a new password at once: on the sign-in page, under “Forgotten your password?”.",
    ],
)


def recovery_code_used(left: int) -> Letter:
    return Letter(
        "A recovery code was used",
        [
            f"Somebody signed in to your Invoices account with one of your recovery codes. {codes_left(left)}",
            NOT_YOU,
        ],
    )


def codes_left(left: int) -> str:
    match left:
        case 0:
            return "None is left."
        case 1:
            return "One is left."
        case _:
            return f"{left} are left."
