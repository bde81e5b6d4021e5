"""The one exception that is meant for the user."""


class UserError(Exception):
    """A mistake that the user can correct: one clear sentence that says what was wrong and what to do.

    The launcher prints the sentence and exits with code 2; a traceback never reaches the user.
    """
